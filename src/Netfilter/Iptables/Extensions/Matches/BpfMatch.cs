using System.Globalization;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>bpf: a classic BPF program (struct xt_bpf_info_v1).</summary>
internal sealed class BpfMatch : XtMatch
{
    private const int MostInstructions = 64;

    public override string Name => "bpf";

    public override byte Revision => 1;

    public override int Size => 528;

    public override int UserSize => 520;

    public override IReadOnlyList<XtOption> Options { get; } = [new("bytecode", 0, XtOptionUse.Argument | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        string[] parts = call.Argument.Split(',');
        if (!ushort.TryParse(parts[0], out ushort count) || count is 0 or > MostInstructions)
        {
            throw call.Fail($"begins with the number of instructions (1-{MostInstructions})");
        }

        List<string> instructions = [.. parts.Skip(1)];
        if (instructions.Count > 0 && instructions[^1].Length == 0)
        {
            instructions.RemoveAt(instructions.Count - 1);
        }

        if (instructions.Count != count)
        {
            throw call.Fail($"says {count} instructions and has {instructions.Count}");
        }

        for (int index = 0; index < count; index++)
        {
            string[] words = instructions[index].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            int offset = 8 + (index * 8);
            if (words.Length != 4 || !ushort.TryParse(words[0], out ushort code) || !byte.TryParse(words[1], out byte whenTrue)
                || !byte.TryParse(words[2], out byte whenFalse) || !uint.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out uint value))
            {
                throw call.Fail($"instruction {index} is not four numbers");
            }

            call.Info.Put16(offset, code);
            (call.Info[offset + 2], call.Info[offset + 3]) = (whenTrue, whenFalse);
            call.Info.Put32(offset + 4, value);
        }

        call.Info.Put16(2, count);
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        if (info.UInt16(0) != 0)
        {
            writer.Write($" --object-pinned {info.Text(8, 512)}");
            return;
        }

        ushort count = Math.Min(info.UInt16(2), (ushort)MostInstructions);
        writer.Write($" --bytecode \"{count}");
        for (int index = 0; index < count; index++)
        {
            int offset = 8 + (index * 8);
            writer.Write($",{info.UInt16(offset)} {info[offset + 2]} {info[offset + 3]} {info.UInt32(offset + 4)}");
        }

        writer.Write("\"");
    }
}
