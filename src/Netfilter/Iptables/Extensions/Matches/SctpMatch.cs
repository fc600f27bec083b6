using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>sctp: ports and chunks of an SCTP packet (struct xt_sctp_info).</summary>
internal sealed class SctpMatch : XtMatch
{
    private const int MapField = 8, MapLength = 256, UsedMap = 32, KindField = 264, FlagInfoField = 268, FlagCountField = 280, FlagsField = 284,
        InvertField = 288, MostFlagInfos = 4;

    private const string NoFlags = "--------";

    private static readonly (string Name, byte Type, string Flags)[] Chunks =
    [
        ("DATA", 0, "----IUBE"), ("INIT", 1, NoFlags), ("INIT_ACK", 2, NoFlags), ("SACK", 3, NoFlags), ("HEARTBEAT", 4, NoFlags),
        ("HEARTBEAT_ACK", 5, NoFlags), ("ABORT", 6, "-------T"), ("SHUTDOWN", 7, NoFlags), ("SHUTDOWN_ACK", 8, NoFlags), ("ERROR", 9, NoFlags),
        ("COOKIE_ECHO", 10, NoFlags), ("COOKIE_ACK", 11, NoFlags), ("ECN_ECNE", 12, NoFlags), ("ECN_CWR", 13, NoFlags),
        ("SHUTDOWN_COMPLETE", 14, "-------T"), ("I_DATA", 64, "----IUBE"), ("RE_CONFIG", 130, NoFlags), ("PAD", 132, NoFlags),
        ("ASCONF", 193, NoFlags), ("ASCONF_ACK", 128, NoFlags), ("FORWARD_TSN", 192, NoFlags), ("I_FORWARD_TSN", 194, NoFlags),
    ];

    public override string Name => "sctp";

    public override int Size => 292;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("source-port", 0, ArgumentOrNot), new("sport", 0, ArgumentOrNot), new("destination-port", 1, ArgumentOrNot), new("dport", 1, ArgumentOrNot),
        new("chunk-types", 2, ArgumentOrNot),
    ];

    public override void Initialize(Span<byte> info)
    {
        for (int index = 0; index < MostFlagInfos; index++)
        {
            info[FlagInfoField + (index * 3)] = 0xff;
        }
    }

    public override void Parse(OptionCall call)
    {
        if (call.Id <= 1)
        {
            (ushort low, ushort high) = call.PortRange("sctp");
            if (low > high)
            {
                throw call.Fail($"the port range '{call.Argument}' runs backwards");
            }

            call.Info.Put16(call.Id == 0 ? 4 : 0, low);
            call.Info.Put16(call.Id == 0 ? 6 : 2, high);
        }
        else
        {
            call.Info.Put32(KindField, call.Choice([("any", 1u), ("all", 2u), ("only", 3u)], "way to match chunks", ignoreCase: true));
            ParseChunks(call, call.TakeSecond("--chunk-types takes any, all or only, and a list of chunks"));
        }

        call.Info.Or32(FlagsField, 1u << call.Id);
        call.Info.Or32(InvertField, call.Negated ? 1u << call.Id : 0);
    }

    public override void Finish(FinishCall call) => call.RequireProtocol(132);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint flags = info.UInt32(FlagsField), inverted = info.UInt32(InvertField);
        writer.GivenPorts("--sport", info, 4, (flags & 1) != 0, (inverted & 1) != 0);
        writer.GivenPorts("--dport", info, 0, (flags & 2) != 0, (inverted & 2) != 0);
        if ((flags & 4) == 0)
        {
            return;
        }

        string kind = info.UInt32(KindField) switch
        {
            1 => "any",
            2 => "all",
            _ => "only",
        };
        writer.Not((inverted & 4) != 0).Write($" --chunk-types {kind} ");
        ReadOnlySpan<byte> map = info.Slice(MapField, UsedMap);
        if (!map.ContainsAnyExcept((byte)0))
        {
            writer.Write("NONE");
        }
        else if (!map.ContainsAnyExcept((byte)0xff))
        {
            writer.Write("ALL");
        }
        else
        {
            PrintChunks(info, map, writer);
        }
    }

    private static void PrintChunks(ReadOnlySpan<byte> info, ReadOnlySpan<byte> map, SaveWriter writer)
    {
        string separator = "";
        for (int type = 0; type < 256; type++)
        {
            if ((map[type / 8] & (1 << (type % 8))) == 0)
            {
                continue;
            }

            (string name, _, string valid) = Array.Find(Chunks, chunk => chunk.Type == type);
            writer.Write(separator).Write(name ?? "");
            separator = ",";
            for (int index = 0; index < Math.Min((int)info.UInt32(FlagCountField), MostFlagInfos); index++)
            {
                ReadOnlySpan<byte> flagInfo = info.Slice(FlagInfoField + (index * 3), 3);
                if (flagInfo[0] != type || flagInfo[2] == 0 || valid is null)
                {
                    continue;
                }

                writer.Write(":");
                for (int bit = 7; bit >= 0; bit--)
                {
                    if ((flagInfo[2] & (1 << bit)) != 0)
                    {
                        char letter = valid[7 - bit];
                        writer.Write($"{((flagInfo[1] & (1 << bit)) != 0 ? letter : char.ToLowerInvariant(letter))}");
                    }
                }
            }
        }
    }

    private static void ParseChunks(OptionCall call, string list)
    {
        Span<byte> map = call.Info.Slice(MapField, MapLength);
        map.Clear();
        if (list.Equals("ALL", StringComparison.OrdinalIgnoreCase))
        {
            map.Fill(0xff);
            return;
        }

        if (list.Equals("NONE", StringComparison.OrdinalIgnoreCase))
        {
            return;
        }

        foreach (string part in list.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = part.Split(':', 2);
            (string Name, byte Type, string Flags) chunk = Array.Find(Chunks, known => known.Name.Equals(pair[0], StringComparison.OrdinalIgnoreCase));
            if (chunk.Name is null)
            {
                throw call.Fail($"unknown chunk '{pair[0]}'", NearestWord.Find(pair[0], Chunks.Select(known => known.Name)));
            }

            map[chunk.Type / 8] |= (byte)(1 << (chunk.Type % 8));
            if (pair.Length == 2)
            {
                ParseFlags(call, chunk, pair[1]);
            }
        }
    }

    private static void ParseFlags(OptionCall call, (string Name, byte Type, string Flags) chunk, string letters)
    {
        Span<byte> info = call.Info;
        int count = (int)((ReadOnlySpan<byte>)info).UInt32(FlagCountField), slot = 0;
        while (slot < count && info[FlagInfoField + (slot * 3)] != chunk.Type)
        {
            slot++;
        }

        if (slot == MostFlagInfos)
        {
            throw call.Fail($"flags can be given for {MostFlagInfos} chunk types at most");
        }

        foreach (char letter in letters)
        {
            int place = letter == '-' ? -1 : chunk.Flags.IndexOf(char.ToUpperInvariant(letter), StringComparison.Ordinal);
            if (place < 0)
            {
                throw call.Fail($"chunk {chunk.Name} has no flag '{letter}'");
            }

            byte bit = (byte)(0x80 >> place);
            info[FlagInfoField + (slot * 3)] = chunk.Type;
            info[FlagInfoField + (slot * 3) + 1] |= char.IsAsciiLetterUpper(letter) ? bit : (byte)0;
            info[FlagInfoField + (slot * 3) + 2] |= bit;
        }

        info.Put32(FlagCountField, (uint)Math.Max(count, slot + 1));
    }
}
