using System.Net;
using EucaNet.Netfilter.Iptables.Names;
using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>conntrack: what connection tracking knows of the packet (struct xt_conntrack_mtinfo3).</summary>
internal class ConntrackMatch : XtMatch
{
    protected const int MatchFlags = 146, StateField = 150;
    protected const ushort StateBit = 1, StateAlias = 1 << 13;
    private const int ExpiresField = 128, ProtocolField = 136, PortField = 138, InvertFlags = 148, StatusField = 152, HighPortField = 154;
    private const ushort ProtocolBit = 2, StatusBit = 0x40, ExpiresBit = 0x80, DirectionBit = 0x1000;

    private static readonly (string Name, ushort Bit)[] States =
    [
        ("INVALID", 1), ("NEW", 8), ("RELATED", 4), ("ESTABLISHED", 2), ("UNTRACKED", 0x100), ("SNAT", 0x40), ("DNAT", 0x80),
    ];

    private static readonly (string Name, ushort Bit)[] Statuses = [("EXPECTED", 1), ("SEEN_REPLY", 2), ("ASSURED", 4), ("CONFIRMED", 8), ("NONE", 0)];

    private static readonly string[] AddressWords = ["ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst"];

    public override string Name => "conntrack";

    public override string KernelName => "conntrack";

    public override byte Revision => 3;

    public override int Size => 164;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("ctstate", 0, ArgumentOrNot), new("ctproto", 1, ArgumentOrNot),
        new("ctorigsrc", 2, ArgumentOrNot), new("ctorigdst", 3, ArgumentOrNot), new("ctreplsrc", 4, ArgumentOrNot), new("ctrepldst", 5, ArgumentOrNot),
        new("ctstatus", 6, ArgumentOrNot), new("ctexpire", 7, ArgumentOrNot),
        new("ctorigsrcport", 8, ArgumentOrNot), new("ctorigdstport", 9, ArgumentOrNot),
        new("ctreplsrcport", 10, ArgumentOrNot), new("ctrepldstport", 11, ArgumentOrNot), new("ctdir", 12),
    ];

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case 0:
                info.Or16(StateField, ParseList(call, States, "state"));
                break;
            case 1:
                if (!ProtocolNames.TryNumber(call.Argument, out byte protocol))
                {
                    throw call.Fail($"unknown protocol '{call.Argument}'", NearestWord.Find(call.Argument, ProtocolNames.All));
                }

                info.Put16(ProtocolField, protocol);
                break;
            case >= 2 and <= 5:
                call.PutHostMask((call.Id - 2) * 32, ((call.Id - 2) * 32) + 16);
                break;
            case 6:
                info.Or16(StatusField, ParseList(call, Statuses, "status"));
                break;
            case 7:
                (ulong low, ulong high, _) = call.NumberRange(uint.MaxValue);
                info.Put32(ExpiresField, (uint)low);
                info.Put32(ExpiresField + 4, (uint)high);
                break;
            case <= 11:
                (ushort lowPort, ushort highPort) = call.PortRange();
                info.Put16(PortField + ((call.Id - 8) * 2), lowPort);
                info.Put16(HighPortField + ((call.Id - 8) * 2), highPort);
                break;
            default:
                bool reply = call.Choice([("ORIGINAL", false), ("REPLY", true)], "direction", ignoreCase: true);
                info.Or16(InvertFlags, reply ? DirectionBit : (ushort)0);
                break;
        }

        info.Or16(MatchFlags, (ushort)(1 << call.Id));
        info.Or16(InvertFlags, call.Negated ? (ushort)(1 << call.Id) : (ushort)0);
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail("needs at least one option");
        }
    }

    public override string PrintedName(ReadOnlySpan<byte> info) => (info.UInt16(MatchFlags) & StateAlias) != 0 ? "state" : "conntrack";

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ushort flags = info.UInt16(MatchFlags), inverted = info.UInt16(InvertFlags);
        if ((flags & StateBit) != 0)
        {
            string word = (flags & StateAlias) != 0 ? "state" : "ctstate";
            writer.Not((inverted & StateBit) != 0).Write($" --{word} {List(States, info.UInt16(StateField))}");
        }

        if ((flags & ProtocolBit) != 0)
        {
            writer.Not((inverted & ProtocolBit) != 0).Write($" --ctproto {info.UInt16(ProtocolField)}");
        }

        for (int index = 0; index < 4; index++)
        {
            if ((flags & (4 << index)) != 0)
            {
                IPAddress address = info.Address(index * 32, writer.Family), mask = info.Address((index * 32) + 16, writer.Family);
                writer.Not((inverted & (4 << index)) != 0).Write($" --{AddressWords[index]} {Addresses.Text(address)}{Addresses.MaskSuffix(mask)}");
            }
        }

        for (int index = 0; index < 4; index++)
        {
            if ((flags & (0x100 << index)) != 0)
            {
                ushort low = info.UInt16(PortField + (index * 2)), high = info.UInt16(HighPortField + (index * 2));
                writer.Not((inverted & (0x100 << index)) != 0).Write($" --{AddressWords[index]}port {low}");
                if (high != 0 && high != low)
                {
                    writer.Write($":{high}");
                }
            }
        }

        if ((flags & StatusBit) != 0)
        {
            ushort status = info.UInt16(StatusField);
            writer.Not((inverted & StatusBit) != 0).Write($" --ctstatus {(status == 0 ? "NONE" : List(Statuses, status))}");
        }

        if ((flags & ExpiresBit) != 0)
        {
            uint low = info.UInt32(ExpiresField), high = info.UInt32(ExpiresField + 4);
            writer.Not((inverted & ExpiresBit) != 0).Write($" --ctexpire {low}").Write(low == high ? "" : $":{high}");
        }

        if ((flags & DirectionBit) != 0)
        {
            writer.Write((inverted & DirectionBit) != 0 ? " --ctdir REPLY" : " --ctdir ORIGINAL");
        }
    }

    private static ushort ParseList(OptionCall call, (string Name, ushort Bit)[] known, string what)
    {
        ushort bits = 0;
        foreach (string word in call.Argument.Split(','))
        {
            bits |= word.Length > 0 && Array.Find(known, one => one.Name.StartsWith(word, StringComparison.OrdinalIgnoreCase)) is { Name: not null } found
                ? found.Bit
                : throw call.Fail($"unknown {what} '{word}'", NearestWord.Find(word, known.Select(one => one.Name)));
        }

        return bits;
    }

    private static string List((string Name, ushort Bit)[] known, ushort bits) =>
        string.Join(',', known.Where(one => (bits & one.Bit) != 0).Select(one => one.Name));
}
