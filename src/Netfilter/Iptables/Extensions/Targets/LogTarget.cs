using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>LOG: a line in the kernel's log (struct xt_log_info).</summary>
internal sealed class LogTarget : XtTarget
{
    private const byte DefaultLevel = 4;

    private static readonly (string Word, byte Value)[] Levels =
        [("alert", 1), ("crit", 2), ("debug", 7), ("emerg", 0), ("error", 3), ("info", 6), ("notice", 5), ("panic", 0), ("warning", 4)];

    private static readonly (byte Bit, string Word)[] Flags =
        [(1, "log-tcp-sequence"), (2, "log-tcp-options"), (4, "log-ip-options"), (8, "log-uid"), (32, "log-macdecode")];

    public override string Name => "LOG";

    public override int Size => 32;

    public override IReadOnlyList<XtOption> Options { get; } =
        [new("log-level", 0), new("log-prefix", 1), .. Flags.Select((flag, index) => new XtOption(flag.Word, index + 2, XtOptionUse.None))];

    public override void Initialize(Span<byte> info) => info[0] = DefaultLevel;

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                call.Info[0] = Numbers.TryWhole(call.Argument, 7, out ulong level) ? (byte)level : call.Choice(Levels, "log level");
                break;
            case 1:
                if (call.Argument.Length == 0 || call.Argument.Contains('\n', StringComparison.Ordinal))
                {
                    throw call.Fail("the prefix is empty or holds a line break");
                }

                call.PutText(2, 30);
                break;
            default:
                call.Info[1] |= Flags[call.Id - 2].Bit;
                break;
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        string prefix = info.Text(2, 30);
        if (prefix.Length > 0)
        {
            writer.Write(" --log-prefix").Quoted(prefix);
        }

        writer.Write(info[0] == DefaultLevel ? "" : $" --log-level {info[0]}");
        foreach ((byte bit, string word) in Flags)
        {
            writer.Write((info[1] & bit) != 0 ? $" --{word}" : "");
        }
    }
}
