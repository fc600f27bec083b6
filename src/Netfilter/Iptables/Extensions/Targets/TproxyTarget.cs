using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>TPROXY: hands the packet to a local socket without changing it (struct xt_tproxy_target_info_v1).</summary>
internal sealed class TproxyTarget : XtTarget
{
    private const int AddressField = 8, PortField = 24;

    public override string Name => "TPROXY";

    public override byte Revision => 1;

    public override int Size => 28;

    public override IReadOnlyList<XtOption> Options { get; } =
        [new("on-port", 0, XtOptionUse.Argument | XtOptionUse.Mandatory), new("on-ip", 1), new("tproxy-mark", 2)];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                call.Info.Put16Big(PortField, call.DecimalPort(call.Argument));
                break;
            case 1:
                call.Info.PutAddress(AddressField, call.Host());
                break;
            default:
                (uint value, uint mask) = call.MarkMask();
                call.Info.Put32(0, mask);
                call.Info.Put32(4, value);
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        call.RequireTable("mangle");
        call.RequireChain("PREROUTING");
        call.RequireProtocol(6, 17);
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Write($" --on-port {info.UInt16Big(PortField)} --on-ip {Addresses.Text(info.Address(AddressField, writer.Family))}")
            .Write($" --tproxy-mark 0x{info.UInt32(4):x}/0x{info.UInt32(0):x}");
}
