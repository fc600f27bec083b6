namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>
/// NFLOG: the packet goes to a listener in user space (struct xt_nflog_info). nf_tables takes prefixes of 127 characters,
/// the legacy block 63, so the block here has room for the longer one.
/// </summary>
internal sealed class NflogTarget : XtTarget
{
    public const int LengthField = 0, GroupField = 4, ThresholdField = 6, FlagsField = 8, PrefixField = 12, PrefixSize = 128, LegacyPrefixSize = 64;

    public const ushort CopyLength = 1;

    public override string Name => "NFLOG";

    public override int Size => PrefixField + PrefixSize;

    public override int LegacySize => PrefixField + LegacyPrefixSize;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("nflog-group", 0), new("nflog-prefix", 1), new("nflog-range", 2, XtOptionUse.Argument, 1 << 3), new("nflog-size", 3, XtOptionUse.Argument, 1 << 2),
        new("nflog-threshold", 4),
    ];

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case 0:
                info.Put16(GroupField, call.UInt16());
                break;
            case 1:
                if (call.Argument.Length == 0 || call.Argument.Contains('\n', StringComparison.Ordinal))
                {
                    throw call.Fail("the prefix is empty or holds a line break");
                }

                call.PutText(PrefixField, PrefixSize);
                break;
            case 2 or 3:
                info.Put32(LengthField, call.UInt32());
                info.Or16(FlagsField, call.Id == 3 ? CopyLength : (ushort)0);
                break;
            default:
                info.Put16(ThresholdField, call.UInt16());
                break;
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        string prefix = info.Text(PrefixField, PrefixSize);
        if (prefix.Length > 0)
        {
            writer.Write(" --nflog-prefix").Quoted(prefix);
        }

        ushort group = info.UInt16(GroupField), threshold = info.UInt16(ThresholdField);
        uint length = info.UInt32(LengthField);
        writer.Write(group != 0 ? $" --nflog-group {group}" : "");
        if ((info.UInt16(FlagsField) & CopyLength) != 0)
        {
            writer.Write($" --nflog-size {length}");
        }
        else if (length != 0)
        {
            writer.Write($" --nflog-range {length}");
        }

        writer.Write(threshold != 0 ? $" --nflog-threshold {threshold}" : "");
    }
}
