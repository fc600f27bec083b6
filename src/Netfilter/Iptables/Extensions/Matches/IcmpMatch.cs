using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>icmp and icmp6: type and code (struct ipt_icmp, struct ip6t_icmp).</summary>
internal abstract class IcmpFamilyMatch : XtMatch
{
    protected abstract string OptionName { get; }

    protected abstract IReadOnlyList<(string Name, byte Type, byte Low, byte High)> Types { get; }

    public override int Size => 4;

    public override void Parse(OptionCall call)
    {
        (byte type, byte low, byte high) = ParseType(call);
        (call.Info[0], call.Info[1], call.Info[2]) = (type, low, high);
        call.Info[3] = call.Negated ? (byte)1 : (byte)0;
    }

    private (byte Type, byte Low, byte High) ParseType(OptionCall call)
    {
        string text = call.Argument;
        List<(string Name, byte Type, byte Low, byte High)> named = [.. Types.Where(type => type.Name.StartsWith(text, StringComparison.OrdinalIgnoreCase))];
        if (named.Count > 1 && text.Length > 0)
        {
            throw call.Fail($"'{text}' can mean {named[0].Name} or {named[1].Name}");
        }

        if (named.Count == 1)
        {
            return (named[0].Type, named[0].Low, named[0].High);
        }

        string[] parts = text.Split('/', 2);
        if (!Numbers.TryWhole(parts[0], byte.MaxValue, out ulong number))
        {
            throw call.Fail($"unknown type '{text}'", NearestWord.Find(text, Types.Select(type => type.Name)));
        }

        if (parts.Length == 1)
        {
            return ((byte)number, 0, 255);
        }

        string[] codes = parts[1].Split(':', 2);
        return Numbers.TryWhole(codes[0], byte.MaxValue, out ulong low) && Numbers.TryWhole(codes[^1], byte.MaxValue, out ulong high)
            ? ((byte)number, (byte)low, (byte)high)
            : throw call.Fail($"'{parts[1]}' is no code (0-255)");
    }

    protected void PrintType(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        writer.Not((info[3] & 1) != 0).Write($" --{OptionName} {info[0]}");
        if (info[1] != 0 || info[2] != 255)
        {
            writer.Write($"/{info[1]}");
        }
    }
}

/// <summary>icmp.</summary>
internal sealed class IcmpMatch : IcmpFamilyMatch
{
    public override string Name => "icmp";

    public override IptablesFamily? Family => IptablesFamily.Ip;

    protected override string OptionName => "icmp-type";

    public override IReadOnlyList<XtOption> Options { get; } = [new("icmp-type", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    protected override IReadOnlyList<(string Name, byte Type, byte Low, byte High)> Types { get; } =
    [
        ("any", 255, 0, 255), ("echo-reply", 0, 0, 255), ("pong", 0, 0, 255), ("destination-unreachable", 3, 0, 255),
        ("network-unreachable", 3, 0, 0), ("host-unreachable", 3, 1, 1), ("protocol-unreachable", 3, 2, 2), ("port-unreachable", 3, 3, 3),
        ("fragmentation-needed", 3, 4, 4), ("source-route-failed", 3, 5, 5), ("network-unknown", 3, 6, 6), ("host-unknown", 3, 7, 7),
        ("network-prohibited", 3, 9, 9), ("host-prohibited", 3, 10, 10), ("TOS-network-unreachable", 3, 11, 11),
        ("TOS-host-unreachable", 3, 12, 12), ("communication-prohibited", 3, 13, 13), ("host-precedence-violation", 3, 14, 14),
        ("precedence-cutoff", 3, 15, 15), ("source-quench", 4, 0, 255), ("redirect", 5, 0, 255), ("network-redirect", 5, 0, 0),
        ("host-redirect", 5, 1, 1), ("TOS-network-redirect", 5, 2, 2), ("TOS-host-redirect", 5, 3, 3), ("echo-request", 8, 0, 255),
        ("ping", 8, 0, 255), ("router-advertisement", 9, 0, 255), ("router-solicitation", 10, 0, 255), ("time-exceeded", 11, 0, 255),
        ("ttl-exceeded", 11, 0, 255), ("ttl-zero-during-transit", 11, 0, 0), ("ttl-zero-during-reassembly", 11, 1, 1),
        ("parameter-problem", 12, 0, 255), ("ip-header-bad", 12, 0, 0), ("required-option-missing", 12, 1, 1),
        ("timestamp-request", 13, 0, 255), ("timestamp-reply", 14, 0, 255), ("address-mask-request", 17, 0, 255), ("address-mask-reply", 18, 0, 255),
    ];

    public override void Initialize(Span<byte> info) => (info[0], info[2]) = (255, 255);

    public override void Finish(FinishCall call) => call.RequireProtocol(1);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        if (info[0] == 255)
        {
            writer.Not((info[3] & 1) != 0).Write(" --icmp-type any");
        }
        else
        {
            PrintType(info, writer);
        }
    }
}

/// <summary>icmp6.</summary>
internal sealed class Icmp6Match : IcmpFamilyMatch
{
    public override string Name => "icmp6";

    public override IptablesFamily? Family => IptablesFamily.Ip6;

    protected override string OptionName => "icmpv6-type";

    public override IReadOnlyList<XtOption> Options { get; } = [new("icmpv6-type", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    protected override IReadOnlyList<(string Name, byte Type, byte Low, byte High)> Types { get; } =
    [
        ("destination-unreachable", 1, 0, 255), ("no-route", 1, 0, 0), ("communication-prohibited", 1, 1, 1), ("beyond-scope", 1, 2, 2),
        ("address-unreachable", 1, 3, 3), ("port-unreachable", 1, 4, 4), ("failed-policy", 1, 5, 5), ("reject-route", 1, 6, 6),
        ("packet-too-big", 2, 0, 255), ("time-exceeded", 3, 0, 255), ("ttl-exceeded", 3, 0, 255), ("ttl-zero-during-transit", 3, 0, 0),
        ("ttl-zero-during-reassembly", 3, 1, 1), ("parameter-problem", 4, 0, 255), ("bad-header", 4, 0, 0), ("unknown-header-type", 4, 1, 1),
        ("unknown-option", 4, 2, 2), ("echo-request", 128, 0, 255), ("ping", 128, 0, 255), ("echo-reply", 129, 0, 255), ("pong", 129, 0, 255),
        ("router-solicitation", 133, 0, 255), ("router-advertisement", 134, 0, 255), ("neighbour-solicitation", 135, 0, 255),
        ("neighbor-solicitation", 135, 0, 255), ("neighbour-advertisement", 136, 0, 255), ("neighbor-advertisement", 136, 0, 255),
        ("redirect", 137, 0, 255),
    ];

    public override void Initialize(Span<byte> info) => info[2] = 255;

    public override void Finish(FinishCall call) => call.RequireProtocol(58);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => PrintType(info, writer);
}
