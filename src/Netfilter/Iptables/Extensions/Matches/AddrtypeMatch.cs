using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>addrtype: the kind of address as routing sees it (struct xt_addrtype_info_v1).</summary>
internal sealed class AddrtypeMatch : XtMatch
{
    private static readonly string[] Types =
        ["UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE"];

    public override string Name => "addrtype";

    public override byte Revision => 1;

    public override int Size => 8;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("src-type", 0, ArgumentOrNot), new("dst-type", 1, ArgumentOrNot),
        new("limit-iface-in", 2, XtOptionUse.None, 1 << 3), new("limit-iface-out", 3, XtOptionUse.None, 1 << 2),
    ];

    public override void Parse(OptionCall call)
    {
        if (call.Id >= 2)
        {
            call.Info.Or32(4, 1u << call.Id);
            return;
        }

        foreach (string word in call.Argument.Split(','))
        {
            int type = word.Length == 0 ? -1 : Array.FindIndex(Types, known => known.StartsWith(word, StringComparison.OrdinalIgnoreCase));
            call.Info.Or16(call.Id * 2, type >= 0 ? (ushort)(1 << type) : throw call.Fail($"unknown type '{word}'", NearestWord.Find(word, Types)));
        }

        call.Info.Or32(4, call.Negated ? 1u << call.Id : 0);
    }

    public override void Finish(FinishCall call)
    {
        if ((call.Given & 3) == 0)
        {
            throw call.Fail("needs --src-type or --dst-type");
        }

        if ((call.Given & 4) != 0)
        {
            call.RequireChain("PREROUTING", "INPUT", "FORWARD");
        }

        if ((call.Given & 8) != 0)
        {
            call.RequireChain("POSTROUTING", "OUTPUT", "FORWARD");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint flags = info.UInt32(4);
        for (int side = 0; side < 2; side++)
        {
            ushort mask = info.UInt16(side * 2);
            if (mask != 0)
            {
                string names = string.Join(',', Types.Where((_, index) => (mask & (1 << index)) != 0));
                writer.Not((flags & (1 << side)) != 0).Write($"{(side == 0 ? " --src-type " : " --dst-type ")}{names}");
            }
        }

        writer.Write((flags & 4) != 0 ? " --limit-iface-in" : "").Write((flags & 8) != 0 ? " --limit-iface-out" : "");
    }
}
