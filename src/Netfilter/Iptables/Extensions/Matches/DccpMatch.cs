using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>dccp: ports, packet types and an option of the DCCP header (struct xt_dccp_info).</summary>
internal sealed class DccpMatch : XtMatch
{
    private static readonly string[] Types =
        ["REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK", "INVALID"];

    public override string Name => "dccp";

    public override int Size => 16;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("source-port", 0, ArgumentOrNot), new("sport", 0, ArgumentOrNot), new("destination-port", 1, ArgumentOrNot), new("dport", 1, ArgumentOrNot),
        new("dccp-types", 2, ArgumentOrNot), new("dccp-option", 3, ArgumentOrNot),
    ];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case <= 1:
                (ushort low, ushort high) = call.PortRange();
                call.Info.Put16(call.Id == 0 ? 4 : 0, low);
                call.Info.Put16(call.Id == 0 ? 6 : 2, high);
                break;
            case 2:
                ushort mask = 0;
                foreach (string word in call.Argument.Split(',', StringSplitOptions.RemoveEmptyEntries))
                {
                    int type = Array.FindIndex(Types, known => known.Equals(word, StringComparison.OrdinalIgnoreCase));
                    mask |= type >= 0 ? (ushort)(1 << type) : throw call.Fail($"unknown type '{word}'", NearestWord.Find(word, Types));
                }

                call.Info.Put16(12, (mask & 0x400) != 0 ? (ushort)(mask | 0xf800) : mask);
                break;
            default:
                call.Info[14] = call.Byte(1);
                break;
        }

        call.Info.Or16(8, (ushort)(1 << call.Id));
        call.Info.Or16(10, call.Negated ? (ushort)(1 << call.Id) : (ushort)0);
    }

    public override void Finish(FinishCall call) => call.RequireProtocol(33);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ushort flags = info.UInt16(8), inverted = info.UInt16(10);
        writer.GivenPorts("--sport", info, 4, (flags & 1) != 0, (inverted & 1) != 0);
        writer.GivenPorts("--dport", info, 0, (flags & 2) != 0, (inverted & 2) != 0);
        if ((flags & 4) != 0)
        {
            ushort mask = info.UInt16(12);
            writer.Not((inverted & 4) != 0).Write($" --dccp-types {string.Join(',', Types.Where((_, index) => (mask & (1 << index)) != 0))}");
        }

        if ((flags & 8) != 0)
        {
            writer.Not((inverted & 8) != 0).Write($" --dccp-option {info[14]}");
        }
    }
}
