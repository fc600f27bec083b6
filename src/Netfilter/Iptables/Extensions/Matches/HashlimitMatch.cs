using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>hashlimit: a rate per address, port or both (struct xt_hashlimit_mtinfo3).</summary>
internal sealed class HashlimitMatch : XtMatch
{
    private const int AverageField = 256, BurstField = 264, ModeField = 272, SizeField = 276, MaximumField = 280, CollectField = 284, ExpireField = 288,
        IntervalField = 292, SourceMaskField = 296, DestinationMaskField = 297, UnitField = 304;

    private const uint Inverted = 16, Bytes = 32, RateMatch = 64, ExpireByBytes = 15, ExpireByBytesBurst = 60, DefaultCollect = 1000;
    private const ulong Scale = 1_000_000, MostBurst = 1_000_000;
    private const int Above = 1, Expire = 9, Burst = 5, RateMatchId = 10;

    private static readonly (string Name, uint Bit)[] Modes = [("srcip", 4), ("srcport", 8), ("dstip", 1), ("dstport", 2)];

    public override string Name => "hashlimit";

    public override byte Revision => 3;

    public override int Size => 312;

    public override int UserSize => 304;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("hashlimit-upto", 0, ArgumentOrNot, 2), new("hashlimit", 0, ArgumentOrNot, 2), new("hashlimit-above", Above, ArgumentOrNot, 1),
        new("hashlimit-srcmask", 2), new("hashlimit-dstmask", 3), new("hashlimit-mode", 4), new("hashlimit-burst", Burst),
        new("hashlimit-htable-size", 6), new("hashlimit-htable-max", 7), new("hashlimit-htable-gcinterval", 8), new("hashlimit-htable-expire", Expire),
        new("hashlimit-rate-match", RateMatchId, XtOptionUse.None), new("hashlimit-rate-interval", 11),
        new("hashlimit-name", 12, XtOptionUse.Argument | XtOptionUse.Mandatory),
    ];

    public override void Initialize(Span<byte> info)
    {
        info.Put64(BurstField, 5);
        info.Put32(CollectField, DefaultCollect);
    }

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case 0 or Above:
                info.Or32(ModeField, (call.Id == Above) != call.Negated ? Inverted : 0);
                ParseRate(call, info);
                break;
            case 2 or 3:
                info[SourceMaskField + call.Id - 2] = (byte)call.PrefixLength();
                break;
            case 4:
                foreach (string word in call.Argument.Split(',', '|'))
                {
                    info.Or32(ModeField, Array.Find(Modes, mode => mode.Name == word) is { Name: not null } found
                        ? found.Bit
                        : throw call.Fail($"unknown mode '{word}'", NearestWord.Find(word, Modes.Select(mode => mode.Name))));
                }

                break;
            case Burst:
                info.Put64(BurstField, ParseBurst(call));
                break;
            case <= Expire:
                info.Put32(SizeField + ((call.Id - 6) * 4), call.UInt32());
                break;
            case RateMatchId:
                info.Or32(ModeField, RateMatch);
                break;
            case 11:
                info.Put32(IntervalField, call.UInt32(1, int.MaxValue));
                break;
            default:
                call.PutText(0, 255);
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        Span<byte> block = call.Info;
        ReadOnlySpan<byte> info = block;
        if ((call.Given & 3) == 0)
        {
            throw call.Fail("needs --hashlimit-upto or --hashlimit-above");
        }

        byte full = call.Family == IptablesFamily.Ip ? (byte)32 : (byte)128;
        for (int side = 0; side < 2; side++)
        {
            if ((call.Given & (4u << side)) == 0)
            {
                block[SourceMaskField + side] = full;
            }
        }

        // The unit of the rate lies where the kernel keeps its pointer until the whole is known.
        uint unit = info.UInt32(UnitField);
        block.Put64(UnitField, 0);
        uint mode = info.UInt32(ModeField);
        bool expireGiven = (call.Given & (1u << Expire)) != 0;
        if (!expireGiven)
        {
            block.Put32(ExpireField, unit * 1000);
        }

        if ((mode & Bytes) != 0)
        {
            ulong burst = 0;
            if ((call.Given & (1u << Burst)) != 0)
            {
                ulong rate = CostToBytes(info.UInt64(AverageField));
                ulong wanted = info.UInt64(BurstField);
                if (wanted < rate)
                {
                    throw call.Fail($"the burst cannot be smaller than {rate}b");
                }

                burst = (wanted / rate) + (wanted % rate != 0 ? 1u : 0);
                if (!expireGiven)
                {
                    block.Put32(ExpireField, ExpireByBytesBurst * 1000);
                }
            }

            block.Put64(BurstField, (uint)burst);
        }
        else if (info.UInt64(BurstField) > MostBurst)
        {
            throw call.Fail($"the burst is at most {MostBurst}");
        }

        if ((mode & RateMatch) != 0)
        {
            if ((mode & Bytes) == 0)
            {
                block.Put64(AverageField, info.UInt64(AverageField) / unit);
            }

            if (info.UInt32(IntervalField) == 0)
            {
                block.Put32(IntervalField, (mode & Bytes) != 0 ? 1 : unit);
            }
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint mode = info.UInt32(ModeField);
        ulong average = info.UInt64(AverageField), burst = info.UInt64(BurstField);
        writer.Write((mode & Inverted) != 0 ? " --hashlimit-above" : " --hashlimit-upto");
        uint quantum;
        if ((mode & Bytes) != 0)
        {
            quantum = PrintBytes(writer, average, burst);
        }
        else
        {
            (string text, quantum) = Rates.Print(average, Scale);
            writer.Write($" {text} --hashlimit-burst {burst}");
        }

        string modes = string.Join(',', Modes.Where(one => (mode & one.Bit) != 0).Select(one => one.Name));
        writer.Write(modes.Length > 0 ? $" --hashlimit-mode {modes}" : "").Write($" --hashlimit-name {info.Text(0, 255)}");
        Unless(info.UInt32(SizeField), 0, "htable-size");
        Unless(info.UInt32(MaximumField), 0, "htable-max");
        Unless(info.UInt32(CollectField), DefaultCollect, "htable-gcinterval");
        Unless(info.UInt32(ExpireField), quantum, "htable-expire");
        uint full = writer.Family == IptablesFamily.Ip ? 32u : 128;
        Unless(info[SourceMaskField], full, "srcmask");
        Unless(info[DestinationMaskField], full, "dstmask");
        if ((mode & RateMatch) != 0)
        {
            writer.Write(" --hashlimit-rate-match");
            Unless(info.UInt32(IntervalField), 1, "rate-interval");
        }

        void Unless(uint value, uint usual, string option) => writer.Write(value == usual ? "" : $" --hashlimit-{option} {value}");
    }

    private static void ParseRate(OptionCall call, Span<byte> info)
    {
        int unit = call.Argument.IndexOf("b/s", StringComparison.Ordinal);
        if (unit > 0)
        {
            ulong bytes = Digits(call) * Factor(call.Argument[unit - 1]);
            ulong cost = uint.MaxValue / (ulong)((uint)(bytes >> 4) + 1);
            info.Put64(AverageField, bytes > 0 && cost > 0 ? cost : throw call.Fail($"the rate '{call.Argument}' is out of range"));
            info.Or32(ModeField, Bytes);
            info.Put32(UnitField, ExpireByBytes);
            return;
        }

        if (!Rates.TryParse(call.Argument, Scale, out ulong average, out uint seconds) || average == 0)
        {
            throw call.Fail($"'{call.Argument}' is no rate as 10/second, 5/min, 40mb/s");
        }

        info.Put64(AverageField, average);
        info.Put32(UnitField, seconds);
    }

    private static ulong ParseBurst(OptionCall call)
    {
        if (!Numbers.TryParse(call.Argument, out ulong value, out string rest) || value == 0 || (rest.Length == 0 && value > MostBurst))
        {
            throw call.Fail($"the burst '{call.Argument}' is out of range (1-{MostBurst}, or bytes as 15kb)");
        }

        return value * Factor(rest.Length > 0 ? rest[0] : ' ');
    }

    private static ulong Digits(OptionCall call)
    {
        int length = 0;
        while (length < call.Argument.Length && char.IsAsciiDigit(call.Argument[length]))
        {
            length++;
        }

        return ulong.TryParse(call.Argument.AsSpan(0, length), out ulong value) ? value : 0;
    }

    private static ulong Factor(char unit) => unit switch
    {
        'm' => 1024 * 1024,
        'k' => 1024,
        _ => 1,
    };

    private static ulong CostToBytes(ulong cost) => (ulong)((long)(cost == 0 ? uint.MaxValue : uint.MaxValue / cost) - 1) << 4;

    private static uint PrintBytes(SaveWriter writer, ulong average, ulong burst)
    {
        ulong rate = CostToBytes(average);
        (ulong size, string unit) = (1, "");
        foreach ((ulong candidate, string name) in ((ulong, string)[])[(1024 * 1024, "m"), (1024, "k")])
        {
            if (rate >= candidate && uint.MaxValue / ((ulong)(uint)((rate & ~(candidate - 1)) >> 4) + 1) == average)
            {
                (size, unit) = (candidate, name);
                break;
            }
        }

        writer.Write($" {rate / size}{unit}b/s");
        if (burst == 0)
        {
            return ExpireByBytes * 1000;
        }

        ulong total = rate * burst;
        (size, unit) = total >= 1024 * 1024 ? (1024 * 1024, "m") : total >= 1024 ? (1024ul, "k") : (1ul, "");
        writer.Write($" --hashlimit-burst {total / size}{unit}b");
        return ExpireByBytesBurst * 1000;
    }
}
