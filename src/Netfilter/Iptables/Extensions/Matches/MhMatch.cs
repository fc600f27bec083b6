using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>mh: the type of a mobility header (struct ip6t_mh).</summary>
internal sealed class MhMatch : XtMatch
{
    private static readonly (string Name, byte Type)[] Types =
    [
        ("binding-refresh-request", 0), ("brr", 0), ("home-test-init", 1), ("hoti", 1), ("careof-test-init", 2), ("coti", 2), ("home-test", 3), ("hot", 3),
        ("careof-test", 4), ("cot", 4), ("binding-update", 5), ("bu", 5), ("binding-acknowledgement", 6), ("ba", 6), ("binding-error", 7), ("be", 7),
    ];

    public override string Name => "mh";

    public override int Size => 3;

    public override IptablesFamily? Family => IptablesFamily.Ip6;

    public override IReadOnlyList<XtOption> Options { get; } = [new("mh-type", 0, ArgumentOrNot)];

    public override void Initialize(Span<byte> info) => info[1] = 255;

    public override void Parse(OptionCall call)
    {
        string[] ends = call.Argument.Split(':', 2);
        byte low = ends.Length == 2 && ends[0].Length == 0 ? (byte)0 : ParseType(call, ends[0]);
        byte high = ends.Length == 1 ? low : ends[1].Length == 0 ? (byte)255 : ParseType(call, ends[1]);
        if (low > high)
        {
            throw call.Fail($"the range '{call.Argument}' runs backwards");
        }

        (call.Info[0], call.Info[1], call.Info[2]) = (low, high, call.Negated ? (byte)1 : (byte)0);
    }

    public override void Finish(FinishCall call) => call.RequireProtocol(135);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        if (info[0] != 0 || info[1] != 255)
        {
            writer.Not((info[2] & 1) != 0).Write($" --mh-type {info[0]}").Write(info[0] == info[1] ? "" : $":{info[1]}");
        }
    }

    private static byte ParseType(OptionCall call, string text)
    {
        (string Name, byte Type) exact = Array.Find(Types, type => type.Name.Equals(text, StringComparison.OrdinalIgnoreCase));
        exact = exact.Name is null ? Array.Find(Types, type => type.Name.StartsWith(text, StringComparison.OrdinalIgnoreCase)) : exact;
        return exact.Name is not null ? exact.Type
            : Numbers.TryWhole(text, byte.MaxValue, out ulong number) ? (byte)number
            : throw call.Fail($"unknown type '{text}'", NearestWord.Find(text, Types.Select(type => type.Name)));
    }
}
