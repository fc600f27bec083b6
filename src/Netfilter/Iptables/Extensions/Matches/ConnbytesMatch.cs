namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>connbytes: what a flow has carried (struct xt_connbytes_info).</summary>
internal sealed class ConnbytesMatch : XtMatch
{
    private static readonly (string Word, byte Value)[] Directions = [("original", 0), ("reply", 1), ("both", 2)];
    private static readonly (string Word, byte Value)[] Modes = [("packets", 0), ("bytes", 1), ("avgpkt", 2)];

    public override string Name => "connbytes";

    public override int Size => 24;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("connbytes", 0, ArgumentOrNot | XtOptionUse.Mandatory), new("connbytes-dir", 1, XtOptionUse.Argument | XtOptionUse.Mandatory),
        new("connbytes-mode", 2, XtOptionUse.Argument | XtOptionUse.Mandatory),
    ];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                (ulong from, ulong to, int count) = call.NumberRange(ulong.MaxValue);
                to = count == 1 ? ulong.MaxValue : to;
                if (to < from)
                {
                    throw call.Fail($"{from} should be less than {to}");
                }

                call.Info.Put64(0, call.Negated ? to : from);
                call.Info.Put64(8, call.Negated ? from : to);
                break;
            case 1:
                call.Info[17] = call.Choice(Directions, "direction");
                break;
            default:
                call.Info[16] = call.Choice(Modes, "mode");
                break;
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ulong from = info.UInt64(0), to = info.UInt64(8);
        bool negated = from > to;
        (from, to) = negated ? (to, from) : (from, to);
        writer.Not(negated).Write($" --connbytes {from}");
        if (to is > 0 and < ulong.MaxValue)
        {
            writer.Write($":{to}");
        }

        writer.Write($" --connbytes-mode {Word(Modes, info[16])} --connbytes-dir {Word(Directions, info[17])}");
    }

    private static string Word((string Word, byte Value)[] words, byte value) => value < words.Length ? words[value].Word : "unknown";
}
