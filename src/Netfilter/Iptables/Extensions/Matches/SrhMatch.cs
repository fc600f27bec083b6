using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>srh: the IPv6 segment routing header (struct ip6t_srh1).</summary>
internal sealed class SrhMatch : XtMatch
{
    private const int FlagsField = 104, InvertField = 106, FirstAddress = 11;

    private static readonly (string Name, int Field)[] Words =
    [
        ("next-hdr", 0), ("hdr-len-eq", 1), ("hdr-len-gt", 1), ("hdr-len-lt", 1), ("segs-left-eq", 2), ("segs-left-gt", 2), ("segs-left-lt", 2),
        ("last-entry-eq", 3), ("last-entry-gt", 3), ("last-entry-lt", 3), ("tag", 4), ("psid", 8), ("nsid", 24), ("lsid", 40),
    ];

    public override string Name => "srh";

    public override byte Revision => 1;

    public override int Size => 108;

    public override IptablesFamily? Family => IptablesFamily.Ip6;

    public override IReadOnlyList<XtOption> Options { get; } = [.. Words.Select((word, index) => new XtOption($"srh-{word.Name}", index, ArgumentOrNot))];

    public override void Parse(OptionCall call)
    {
        int field = Words[call.Id].Field;
        switch (call.Id)
        {
            case < 10:
                call.Info[field] = call.Byte();
                break;
            case 10:
                call.Info.Put16(field, call.UInt16());
                break;
            default:
                call.PutHostMask(field, field + 48);
                break;
        }

        call.Info.Or16(FlagsField, (ushort)(1 << call.Id));
        call.Info.Or16(InvertField, call.Negated ? (ushort)(1 << call.Id) : (ushort)0);
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        for (int index = 0; index < Words.Length; index++)
        {
            if ((info.UInt16(FlagsField) & (1 << index)) == 0)
            {
                continue;
            }

            (string name, int field) = Words[index];
            writer.Not((info.UInt16(InvertField) & (1 << index)) != 0).Write($" --srh-{name} ");
            if (index >= FirstAddress)
            {
                writer.Write($"{Addresses.Text(info.Address(field, IptablesFamily.Ip6))}/{Addresses.PrefixLength(info.Slice(field + 48, 16)) ?? -1}");
            }
            else
            {
                writer.Write($"{(index == 10 ? info.UInt16(field) : info[field])}");
            }
        }
    }
}
