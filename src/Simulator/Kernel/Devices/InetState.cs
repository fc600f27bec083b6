namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>What IPv6 keeps of a device (struct inet6_dev).</summary>
internal sealed class Inet6State
{
    /// <summary>IF_READY 0x80000000, IF_RS_SENT 0x10 and others, as IFLA_INET6_FLAGS shows them.</summary>
    public uint Flags { get; set; }

    public bool IsReady => (Flags & 0x80000000) != 0;

    /// <summary>IN6_ADDR_GEN_MODE_*: 0 EUI-64, 1 none, 2 stable privacy, 3 random.</summary>
    public byte AddressGenerationMode { get; set; }

    /// <summary>The device's MTU as IPv6 took it over.</summary>
    public uint Mtu { get; set; }

    /// <summary>ff02::1 is in the device's receive filter.</summary>
    public bool ListensToAllNodes { get; set; }

    public byte[] Token { get; set; } = new byte[16];

    /// <summary>In 10 ms since boot.</summary>
    public uint Updated { get; set; }

    public uint ReachableTime { get; set; } = 30000;
}
