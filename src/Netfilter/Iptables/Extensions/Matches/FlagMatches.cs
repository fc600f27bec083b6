namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>A match that is a byte of flags, each a bare word: socket, rpfilter.</summary>
internal abstract class FlagMatch(IReadOnlyList<string> words) : XtMatch
{
    public override int Size => 1;

    public override IReadOnlyList<XtOption> Options { get; } = [.. words.Select((word, index) => new XtOption(word, index, XtOptionUse.None))];

    public override void Parse(OptionCall call) => call.Info[0] |= (byte)(1 << call.Id);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        for (int index = 0; index < words.Count; index++)
        {
            writer.Write((info[0] & (1 << index)) != 0 ? $" --{words[index]}" : "");
        }
    }
}

/// <summary>socket: an open socket would take the packet (struct xt_socket_mtinfo3).</summary>
internal sealed class SocketMatch() : FlagMatch(["transparent", "nowildcard", "restore-skmark"])
{
    public override string Name => "socket";

    public override byte Revision => 3;

    public override void Finish(FinishCall call) => call.RequireChain("PREROUTING", "INPUT");
}

/// <summary>rpfilter: the way back leads where the packet came from (struct xt_rpfilter_info).</summary>
internal sealed class RpfilterMatch() : FlagMatch(["loose", "validmark", "accept-local", "invert"])
{
    public override string Name => "rpfilter";

    public override void Finish(FinishCall call)
    {
        call.RequireTable("raw", "mangle");
        call.RequireChain("PREROUTING");
    }
}
