namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>frag: the IPv6 fragment header (struct ip6t_frag).</summary>
internal sealed class FragMatch : XtMatch
{
    private static readonly (byte Bit, string Word)[] Words = [(4, " --fragres"), (8, " --fragfirst"), (0x10, " --fragmore"), (0x20, " --fraglast")];

    public override string Name => "frag";

    public override int Size => 16;

    public override IptablesFamily? Family => IptablesFamily.Ip6;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("fragid", 0, ArgumentOrNot), new("fraglen", 1, ArgumentOrNot), new("fragres", 2, XtOptionUse.None), new("fragfirst", 3, XtOptionUse.None),
        new("fragmore", 4, XtOptionUse.None, 1 << 5), new("fraglast", 5, XtOptionUse.None, 1 << 4),
    ];

    public override void Initialize(Span<byte> info) => info.Put32(4, uint.MaxValue);

    public override void Parse(OptionCall call)
    {
        if (call.Id == 0)
        {
            (ulong low, ulong high, _) = call.NumberRange(uint.MaxValue);
            call.Info.Put32(0, (uint)low);
            call.Info.Put32(4, (uint)high);
        }
        else if (call.Id == 1)
        {
            call.Info.Put32(8, call.UInt32());
        }

        call.Info[12] |= (byte)(1 << call.Id);
        call.Info[13] |= call.Negated ? (byte)(1 << call.Id) : (byte)0;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        writer.Range32("--fragid", info.UInt32(0), info.UInt32(4), (info[13] & 1) != 0);
        if ((info[12] & 2) != 0)
        {
            writer.Not((info[13] & 2) != 0).Write($" --fraglen {info.UInt32(8)}");
        }

        foreach ((byte bit, string word) in Words)
        {
            writer.Write((info[12] & bit) != 0 ? word : "");
        }
    }
}
