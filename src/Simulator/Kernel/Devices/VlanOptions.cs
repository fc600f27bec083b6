namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>What makes a device a VLAN device.</summary>
internal sealed class VlanOptions
{
    public ushort Id { get; init; }

    public const uint Gvrp = 2;
    public const uint Mvrp = 8;

    /// <summary>The tag's ether type: 0x8100, or 0x88a8 for a service tag.</summary>
    public ushort Protocol { get; init; } = 0x8100;

    /// <summary>VLAN_FLAG_*: 1 reorder header, 2 GVRP, 4 loose binding, 8 MVRP, 16 bridge binding.</summary>
    public uint Flags { get; set; } = 1;

    /// <summary>Packet priority to tag priority.</summary>
    public List<(uint From, uint To)> EgressMap { get; } = [];

    /// <summary>Tag priority to packet priority.</summary>
    public uint[] IngressMap { get; } = new uint[8];

    /// <summary>The MAC of the device below, when the VLAN device last looked at it (real_dev_addr).</summary>
    public byte[] LowerAddress { get; set; } = new byte[6];

    public bool IsLooselyBound => (Flags & 4) != 0;
}
