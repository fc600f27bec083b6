using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>u32: tests of 32-bit words of the packet (struct xt_u32).</summary>
internal sealed class U32Match : XtMatch
{
    private const int TestSize = 180, Most = 11, MostStored = 10, ValueField = 88, NumbersField = 176, ValuesField = 177, CountField = 1980, InvertField = 1981;

    private static readonly string[] Operators = ["&", "<<", ">>", "@"];

    public override string Name => "u32";

    public override int Size => 1984;

    public override IReadOnlyList<XtOption> Options { get; } = [new("u32", 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        string[] tests = call.Argument.Split("&&");
        if (tests.Length > Most)
        {
            throw call.Fail($"takes {Most} tests at most");
        }

        for (int index = 0; index < tests.Length; index++)
        {
            ParseTest(call, tests[index], call.Info.Slice(index * TestSize, TestSize));
        }

        call.Info[CountField] = (byte)tests.Length;
        call.Info[InvertField] = call.Negated ? (byte)1 : (byte)0;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        writer.Not(info[InvertField] != 0).Write(" --u32 \"");
        for (int index = 0; index < Math.Min(info[CountField], (byte)Most); index++)
        {
            ReadOnlySpan<byte> test = info.Slice(index * TestSize, TestSize);
            writer.Write($"{(index > 0 ? "&&" : "")}0x{test.UInt32(0):x}");
            for (int number = 1; number < Math.Min(test[NumbersField], (byte)Most); number++)
            {
                writer.Write($"{Operators[test[(number * 8) + 4] & 3]}0x{test.UInt32(number * 8):x}");
            }

            writer.Write("=");
            for (int value = 0; value < Math.Min(test[ValuesField], (byte)Most); value++)
            {
                uint low = test.UInt32(ValueField + (value * 8)), high = test.UInt32(ValueField + (value * 8) + 4);
                writer.Write($"{(value > 0 ? "," : "")}0x{low:x}").Write(low == high ? "" : $":0x{high:x}");
            }
        }

        writer.Write("\"");
    }

    private static void ParseTest(OptionCall call, string text, Span<byte> test)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0)
        {
            throw call.Fail($"the test '{text.Trim()}' has no '='");
        }

        string rest = text[..equals];
        int numbers = 0;
        while (rest.Trim().Length > 0)
        {
            rest = rest.TrimStart();
            if (numbers > 0)
            {
                int operation = Array.FindIndex(Operators, known => rest.StartsWith(known, StringComparison.Ordinal));
                if (operation < 0 || numbers > MostStored)
                {
                    throw call.Fail(operation < 0 ? $"an operator (&, <<, >>, @) is expected before '{rest}'" : "there are too many operators");
                }

                test[(numbers * 8) + 4] = (byte)operation;
                rest = rest[Operators[operation].Length..].TrimStart();
            }

            test.Put32(numbers * 8, Number(call, ref rest));
            numbers++;
        }

        string[] values = text[(equals + 1)..].Split(',');
        if (numbers == 0 || values.Length > Most)
        {
            throw call.Fail(numbers == 0 ? "a place in the packet is expected before '='" : "there are too many values");
        }

        for (int index = 0; index < values.Length; index++)
        {
            string[] ends = values[index].Split(':', 2);
            test.Put32(ValueField + (index * 8), Whole(call, ends[0]));
            test.Put32(ValueField + (index * 8) + 4, Whole(call, ends[^1]));
        }

        test[NumbersField] = (byte)numbers;
        test[ValuesField] = (byte)values.Length;
    }

    private static uint Whole(OptionCall call, string text)
    {
        string rest = text.Trim();
        uint value = Number(call, ref rest);
        return rest.Length == 0 ? value : throw call.Fail($"'{text.Trim()}' is no number");
    }

    private static uint Number(OptionCall call, ref string text)
    {
        if (!Numbers.TryParse(text, out ulong value, out string rest) || value > uint.MaxValue)
        {
            throw call.Fail($"'{text}' is no number of 32 bits");
        }

        text = rest;
        return (uint)value;
    }
}
