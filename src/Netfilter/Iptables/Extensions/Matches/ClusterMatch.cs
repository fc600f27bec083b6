namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>cluster: this node's share of the flows (struct xt_cluster_match_info).</summary>
internal sealed class ClusterMatch : XtMatch
{
    public override string Name => "cluster";

    public override int Size => 16;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("cluster-total-nodes", 0, XtOptionUse.Argument | XtOptionUse.Mandatory), new("cluster-local-node", 1, ArgumentOrNot, 4),
        new("cluster-local-nodemask", 2, ArgumentOrNot, 2), new("cluster-hash-seed", 3, XtOptionUse.Argument | XtOptionUse.Mandatory),
    ];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                call.Info.Put32(0, call.UInt32(1, 32));
                break;
            case 1:
                call.Info.Put32(4, 1u << (int)(call.UInt32(1, 32) - 1));
                break;
            case 2:
                call.Info.Put32(4, call.UInt32(1));
                break;
            default:
                call.Info.Put32(8, call.UInt32());
                break;
        }

        call.Info.Or32(12, call.Negated ? 1u : 0);
    }

    public override void Finish(FinishCall call)
    {
        if ((call.Given & 6) == 0)
        {
            throw call.Fail("needs --cluster-local-node or --cluster-local-nodemask");
        }

        ReadOnlySpan<byte> info = call.Info;
        if ((call.Given & 9) == 9 && info.UInt32(4) >= 1ul << (int)info.UInt32(0))
        {
            throw call.Fail("the local node is beyond --cluster-total-nodes");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Not((info.UInt32(12) & 1) != 0)
            .Write($" --cluster-local-nodemask 0x{info.UInt32(4):x8} --cluster-total-nodes {info.UInt32(0)} --cluster-hash-seed 0x{info.UInt32(8):x8}");
}
