namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>udp: ports of the UDP header (struct xt_udp).</summary>
internal sealed class UdpMatch : XtMatch
{
    public override string Name => "udp";

    public override int Size => 10;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("source-port", 0, ArgumentOrNot), new("sport", 0, ArgumentOrNot),
        new("destination-port", 1, ArgumentOrNot), new("dport", 1, ArgumentOrNot),
    ];

    public override void Initialize(Span<byte> info)
    {
        info.Put16(2, ushort.MaxValue);
        info.Put16(6, ushort.MaxValue);
    }

    public override void Parse(OptionCall call)
    {
        (ushort low, ushort high) = call.PortRange();
        call.Info.Put16(call.Id * 4, low);
        call.Info.Put16((call.Id * 4) + 2, high);
        call.Info[8] |= call.Negated ? (byte)(1 << call.Id) : (byte)0;
    }

    public override void Finish(FinishCall call) => call.RequireProtocolForPorts(17);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        writer.Ports("--sport", info, 0, (info[8] & 1) != 0);
        writer.Ports("--dport", info, 4, (info[8] & 2) != 0);
    }
}
