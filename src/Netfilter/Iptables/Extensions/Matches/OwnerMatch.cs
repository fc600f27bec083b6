using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>owner: the user or group of the socket that sends (struct xt_owner_match_info).</summary>
internal sealed class OwnerMatch : XtMatch
{
    private const byte User = 1, Group = 2, Socket = 4, Supplementary = 8;

    public override string Name => "owner";

    public override byte Revision => 1;

    public override int Size => 20;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("uid-owner", 0, ArgumentOrNot), new("gid-owner", 1, ArgumentOrNot), new("socket-exists", 2, XtOptionUse.Invert),
        new("suppl-groups", 3, XtOptionUse.None),
    ];

    public override void Parse(OptionCall call)
    {
        if (call.Id <= 1)
        {
            (uint low, uint high) = ParseRange(call);
            call.Info.Put32(call.Id * 8, low);
            call.Info.Put32((call.Id * 8) + 4, high);
        }
        else if (call.Id == 3 && (call.Info[16] & Group) == 0)
        {
            throw call.Fail("--suppl-groups stands behind --gid-owner");
        }

        call.Info[16] |= (byte)(1 << call.Id);
        call.Info[17] |= call.Negated ? (byte)(1 << call.Id) : (byte)0;
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail("needs --uid-owner, --gid-owner or --socket-exists");
        }

        call.RequireChain("OUTPUT", "POSTROUTING");
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        byte flags = info[16], inverted = info[17];
        if ((flags & Socket) != 0)
        {
            writer.Not((inverted & Socket) != 0).Write(" --socket-exists");
        }

        Range(writer, info, " --uid-owner", 0, User);
        Range(writer, info, " --gid-owner", 8, Group);
        writer.Write((flags & Supplementary) != 0 ? " --suppl-groups" : "");
    }

    private static void Range(SaveWriter writer, ReadOnlySpan<byte> info, string word, int offset, byte bit)
    {
        if ((info[16] & bit) != 0)
        {
            uint low = info.UInt32(offset), high = info.UInt32(offset + 4);
            writer.Not((info[17] & bit) != 0).Write($"{word} {low}").Write(low == high ? "" : $"-{high}");
        }
    }

    private static (uint Low, uint High) ParseRange(OptionCall call)
    {
        if (call.Account(call.Argument, call.Id == 1) is { } account)
        {
            return (account, account);
        }

        string[] ends = call.Argument.Split('-', ':');
        return ends.Length <= 2 && Numbers.TryWhole(ends[0], uint.MaxValue - 1, out ulong low) && Numbers.TryWhole(ends[^1], uint.MaxValue - 1, out ulong high)
            ? ((uint)low, (uint)high)
            : throw call.Fail($"'{call.Argument}' is neither a known {(call.Id == 0 ? "user" : "group")} nor a number or range of numbers");
    }
}
