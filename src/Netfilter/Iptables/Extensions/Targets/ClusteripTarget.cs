using System.Globalization;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>CLUSTERIP: several machines share one address without a balancer (struct ipt_clusterip_tgt_info). Left out of Linux with 6.3.</summary>
internal sealed class ClusteripTarget : XtTarget
{
    private const int MacField = 4, TotalField = 10, LocalCountField = 12, LocalField = 14, ModeField = 48, InitialField = 52;
    private const uint New = 1, Full = 0x1f;
    private const ushort MaximumNodes = 16;
    private static readonly (string Word, uint Value)[] Modes = [("sourceip", 0), ("sourceip-sourceport", 1), ("sourceip-sourceport-destport", 2)];

    public override string Name => "CLUSTERIP";

    public override int Size => 64;

    public override int UserSize => 56;

    public override IptablesFamily? Family => IptablesFamily.Ip;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("new", 0, XtOptionUse.None), new("hashmode", 1, XtOptionUse.Argument, 0, 1), new("clustermac", 2, XtOptionUse.Argument, 0, 1),
        new("total-nodes", 3, XtOptionUse.Argument, 0, 1), new("local-node", 4, XtOptionUse.Argument, 0, 1), new("hash-init", 5, XtOptionUse.Argument, 0, 1),
    ];

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case 0:
                info.Or32(0, New);
                break;
            case 1:
                info.Put32(ModeField, call.Choice(Modes, "mode"));
                break;
            case 2:
                call.PutHardwareAddress(MacField);
                if ((info[MacField] & 1) == 0)
                {
                    throw call.Fail("the address must be a multicast address");
                }

                break;
            case 3:
                info.Put16(TotalField, call.UInt16(0, MaximumNodes));
                break;
            case 4:
                info.Put16(LocalField, call.UInt16(0, MaximumNodes));
                info.Put16(LocalCountField, 1);
                break;
            default:
                info.Put32(InitialField, call.UInt32());
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given != 0 && (call.Given & Full) != Full)
        {
            throw call.Fail("--new needs --hashmode, --clustermac, --total-nodes and --local-node");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        if ((info.UInt32(0) & New) == 0)
        {
            return;
        }

        uint mode = info.UInt32(ModeField);
        writer.Write($" --new --hashmode {Array.Find(Modes, one => one.Value == mode).Word ?? "unknown-error"}")
            .Write($" --clustermac {info[MacField]:X2}:{info[MacField + 1]:X2}:{info[MacField + 2]:X2}:{info[MacField + 3]:X2}:{info[MacField + 4]:X2}:{info[MacField + 5]:X2}")
            .Write(string.Create(CultureInfo.InvariantCulture, $" --total-nodes {info.UInt16(TotalField)} --local-node {info.UInt16(LocalField)} --hash-init {info.UInt32(InitialField)}"));
    }
}
