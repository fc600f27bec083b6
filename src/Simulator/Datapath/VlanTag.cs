namespace EucaNet.Simulator.Datapath;

/// <summary>A VLAN tag taken off a frame, as the kernel carries it beside the frame.</summary>
/// <param name="Protocol">0x8100 (802.1Q) or 0x88a8 (802.1ad).</param>
/// <param name="Control">Priority (3 bits), drop eligible (1), VLAN id (12).</param>
internal readonly record struct VlanTag(ushort Protocol, ushort Control)
{
    public const int Size = 4;

    public ushort Id => (ushort)(Control & 0xfff);

    public byte Priority => (byte)(Control >> 13);

    public VlanTag WithId(ushort id) => this with { Control = (ushort)(Control & 0xf000 | id) };
}
