using EucaNet.Netfilter.Iptables.Names;
using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>ipv6header: which extension headers there are (struct ip6t_ipv6header_info).</summary>
internal sealed class Ipv6headerMatch : XtMatch
{
    private static readonly (byte Protocol, byte Bit, string Printed)[] Headers =
    [
        (0, 128, "hop-by-hop"), (60, 64, "ipv6-opts"), (43, 32, "ipv6-route"), (44, 16, "ipv6-frag"), (51, 8, "ah"), (50, 4, "esp"),
        (59, 2, "ipv6-nonxt"), (255, 1, "protocol"),
    ];

    private static readonly (string Word, byte Protocol)[] Words =
    [
        ("hop-by-hop", 0), ("protocol", 255), ("hop", 0), ("dst", 60), ("route", 43), ("frag", 44), ("auth", 51), ("esp", 50), ("none", 59), ("prot", 255),
        ("0", 0), ("60", 60), ("43", 43), ("44", 44), ("51", 51), ("50", 50), ("59", 59), ("255", 255),
    ];

    public override string Name => "ipv6header";

    public override int Size => 3;

    public override IptablesFamily? Family => IptablesFamily.Ip6;

    public override IReadOnlyList<XtOption> Options { get; } = [new("header", 0, ArgumentOrNot | XtOptionUse.Mandatory), new("soft", 1, XtOptionUse.None)];

    public override void Parse(OptionCall call)
    {
        if (call.Id == 1)
        {
            call.Info[2] = 0xff;
            return;
        }

        foreach (string word in call.Argument.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            byte protocol = Array.Find(Words, known => known.Word == word) is { Word: not null } found ? found.Protocol
                : ProtocolNames.TryNumber(word, out byte number) ? number
                : throw call.Fail($"unknown header '{word}'", NearestWord.Find(word, Words.Select(known => known.Word)));
            call.Info[0] |= Array.Find(Headers, header => header.Protocol == protocol) is { Bit: > 0 } known
                ? known.Bit
                : throw call.Fail($"'{word}' is no extension header");
        }

        if (call.Info[0] == 0)
        {
            throw call.Fail("no header is named");
        }

        call.Info[1] = call.Negated ? (byte)0xff : (byte)0;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        byte flags = info[0];
        string names = string.Join(',', Headers.Where(header => (flags & header.Bit) != 0).Select(header => header.Printed));
        writer.Not(info[1] != 0).Write($" --header {(names.Length == 0 ? "NONE" : names)}").Write(info[2] != 0 ? " --soft" : "");
    }
}
