using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>TCPMSS: the maximum segment size a SYN announces (struct xt_tcpmss_info).</summary>
internal sealed class TcpmssTarget : XtTarget
{
    private const byte Syn = 2;

    public override string Name => "TCPMSS";

    public override int Size => 2;

    public override IReadOnlyList<XtOption> Options { get; } = [new("set-mss", 0), new("clamp-mss-to-pmtu", 1, XtOptionUse.None)];

    public override void Parse(OptionCall call) =>
        call.Info.Put16(0, call.Id == 1 ? ushort.MaxValue : call.UInt16(0, (ushort)(ushort.MaxValue - (call.Family == IptablesFamily.Ip ? 20 : 40))));

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail("needs --set-mss or --clamp-mss-to-pmtu");
        }

        call.RequireProtocol(6);
        if ((call.Given & 2) != 0)
        {
            call.RequireChain("FORWARD", "OUTPUT", "POSTROUTING");
        }

        if (call.Context.Interface == IptablesInterface.Legacy
            && !call.OtherMatches.Any(match => match.Name == "tcp" && (match.Block[10] & Syn) != 0 && (match.Block[11] & 4) == 0))
        {
            throw call.Fail("works only on SYN packets; add --syn before it");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Write(info.UInt16(0) == ushort.MaxValue ? " --clamp-mss-to-pmtu" : $" --set-mss {info.UInt16(0)}");
}

/// <summary>TCPOPTSTRIP: blanks out TCP options (struct xt_tcpoptstrip_target_info).</summary>
internal sealed class TcpoptstripTarget : XtTarget
{
    private static readonly (string Name, byte Option)[] Names =
        [("wscale", 3), ("mss", 2), ("sack-permitted", 4), ("sack", 5), ("timestamp", 8), ("md5", 19)];

    public override string Name => "TCPOPTSTRIP";

    public override int Size => 32;

    public override IReadOnlyList<XtOption> Options { get; } = [new("strip-options", 0)];

    public override void Parse(OptionCall call)
    {
        foreach (string word in call.Argument.Split(','))
        {
            byte option = Array.Find(Names, known => known.Name == word) is { Name: not null } found ? found.Option
                : Numbers.TryWhole(word, byte.MaxValue, out ulong number) ? (byte)number
                : throw call.Fail($"unknown TCP option '{word}'", NearestWord.Find(word, Names.Select(known => known.Name)));
            byte bit = (byte)(1 << (option % 8));
            if (option < 2 || (call.Info[option / 8] & bit) != 0)
            {
                throw call.Fail(option < 2 ? "options 0 and 1 cannot be stripped" : $"option '{word}' stands twice");
            }

            call.Info[option / 8] |= bit;
        }
    }

    public override void Finish(FinishCall call)
    {
        call.RequireTable("mangle");
        call.RequireProtocol(6);
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        string separator = " --strip-options ";
        for (int option = 0; option < 256; option++)
        {
            if ((info[option / 8] & (1 << (option % 8))) != 0)
            {
                writer.Write($"{separator}{option}");
                separator = ",";
            }
        }
    }
}

/// <summary>SYNPROXY: answers handshakes in the server's place (struct xt_synproxy_info).</summary>
internal sealed class SynproxyTarget : XtTarget
{
    public override string Name => "SYNPROXY";

    public override int Size => 4;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("mss", 0), new("wscale", 1), new("sack-perm", 2, XtOptionUse.None), new("timestamp", 3, XtOptionUse.None), new("ecn", 4, XtOptionUse.None),
    ];

    public override void Parse(OptionCall call)
    {
        call.Info[0] |= (byte)(1 << call.Id);
        if (call.Id == 0)
        {
            call.Info.Put16(2, call.UInt16());
        }
        else if (call.Id == 1)
        {
            call.Info[1] = call.Byte();
        }
    }

    public override void Finish(FinishCall call)
    {
        call.RequireProtocol(6);
        call.RequireChain("INPUT", "FORWARD");
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Write((info[0] & 4) != 0 ? " --sack-perm" : "").Write((info[0] & 8) != 0 ? " --timestamp" : "")
            .Write((info[0] & 2) != 0 ? $" --wscale {info[1]}" : "").Write((info[0] & 1) != 0 ? $" --mss {info.UInt16(2)}" : "")
            .Write((info[0] & 16) != 0 ? " --ecn" : "");
}
