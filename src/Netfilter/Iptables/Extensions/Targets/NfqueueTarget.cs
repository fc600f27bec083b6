namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>NFQUEUE: the packet waits for a verdict from user space (struct xt_NFQ_info_v3).</summary>
internal sealed class NfqueueTarget : XtTarget
{
    public override string Name => "NFQUEUE";

    public override byte Revision => 3;

    public override int Size => 6;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("queue-num", 0, XtOptionUse.Argument, 2), new("queue-balance", 1, XtOptionUse.Argument, 1), new("queue-bypass", 2, XtOptionUse.None),
        new("queue-cpu-fanout", 3, XtOptionUse.None, 0, 2),
    ];

    public override void Initialize(Span<byte> info) => info.Put16(2, 1);

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                call.Info.Put16(0, call.UInt16());
                break;
            case 1:
                (ulong low, ulong high, int count) = call.NumberRange(ushort.MaxValue);
                if (count != 2 || low >= high || high - low >= ushort.MaxValue)
                {
                    throw call.Fail($"'{call.Argument}' is no range of queues as 0:3, of 65535 queues at most");
                }

                call.Info.Put16(0, (ushort)low);
                call.Info.Put16(2, (ushort)(high - low + 1));
                break;
            default:
                call.Info.Or16(4, call.Id == 2 ? (ushort)1 : (ushort)2);
                break;
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ushort first = info.UInt16(0), total = info.UInt16(2), flags = info.UInt16(4);
        writer.Write(total > 1 ? $" --queue-balance {first}:{first + total - 1}" : $" --queue-num {first}")
            .Write((flags & 1) != 0 ? " --queue-bypass" : "").Write((flags & 2) != 0 ? " --queue-cpu-fanout" : "");
    }
}
