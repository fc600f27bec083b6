using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>tcp: ports, flags and one option of the TCP header (struct xt_tcp).</summary>
internal sealed class TcpMatch : XtMatch
{
    private const int SourceField = 0, DestinationField = 4, OptionField = 8, FlagMaskField = 9, FlagField = 10, InvertField = 11;
    private const byte InvertSource = 1, InvertDestination = 2, InvertFlags = 4, InvertOption = 8;

    private static readonly (string Name, byte Bit)[] Flags = [("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 0x10), ("URG", 0x20)];

    public override string Name => "tcp";

    public override int Size => 12;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("source-port", 0, ArgumentOrNot), new("sport", 0, ArgumentOrNot),
        new("destination-port", 1, ArgumentOrNot), new("dport", 1, ArgumentOrNot),
        new("syn", 2, XtOptionUse.Invert), new("tcp-flags", 2, ArgumentOrNot), new("tcp-option", 3, ArgumentOrNot),
    ];

    public override void Initialize(Span<byte> info)
    {
        info.Put16(SourceField + 2, ushort.MaxValue);
        info.Put16(DestinationField + 2, ushort.MaxValue);
    }

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case 0:
                PutPorts(call, SourceField, InvertSource);
                break;
            case 1:
                PutPorts(call, DestinationField, InvertDestination);
                break;
            case 2:
                (info[FlagMaskField], info[FlagField]) = call.Option.Name == "syn"
                    ? ((byte)0x17, (byte)2)
                    : (ParseFlags(call, call.Argument), ParseFlags(call, call.TakeSecond("--tcp-flags takes two lists: those looked at, and those set")));
                info[InvertField] |= call.Negated ? InvertFlags : (byte)0;
                break;
            default:
                info[OptionField] = call.Byte(1);
                info[InvertField] |= call.Negated ? InvertOption : (byte)0;
                break;
        }
    }

    public override void Finish(FinishCall call) => call.RequireProtocolForPorts(6);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        byte invert = info[InvertField];
        writer.Ports("--sport", info, SourceField, (invert & InvertSource) != 0);
        writer.Ports("--dport", info, DestinationField, (invert & InvertDestination) != 0);
        if (info[OptionField] != 0 || (invert & InvertOption) != 0)
        {
            writer.Not((invert & InvertOption) != 0).Write($" --tcp-option {info[OptionField]}");
        }

        if (info[FlagMaskField] != 0 || (invert & InvertFlags) != 0)
        {
            writer.Not((invert & InvertFlags) != 0).Write($" --tcp-flags {FlagNames(info[FlagMaskField])} {FlagNames(info[FlagField])}");
        }
    }

    private static void PutPorts(OptionCall call, int field, byte invert)
    {
        (ushort low, ushort high) = call.PortRange("tcp");
        if (low > high)
        {
            throw call.Fail($"the port range '{call.Argument}' runs backwards");
        }

        call.Info.Put16(field, low);
        call.Info.Put16(field + 2, high);
        call.Info[InvertField] |= call.Negated ? invert : (byte)0;
    }

    private static byte ParseFlags(OptionCall call, string list)
    {
        byte bits = 0;
        foreach (string word in list.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            string name = word.ToUpperInvariant();
            bits |= name switch
            {
                "ALL" => 0x3f,
                "NONE" => 0,
                _ => Array.Find(Flags, flag => flag.Name == name) is { Name: not null } known
                    ? known.Bit
                    : throw call.Fail($"unknown TCP flag '{word}'", NearestWord.Find(word, Flags.Select(flag => flag.Name))),
            };
        }

        return bits;
    }

    private static string FlagNames(byte bits)
    {
        string names = string.Join(',', Flags.Where(flag => (bits & flag.Bit) != 0).Select(flag => flag.Name));
        return names.Length == 0 ? "NONE" : names;
    }
}
