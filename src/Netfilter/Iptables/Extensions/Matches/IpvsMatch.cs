using EucaNet.Netfilter.Iptables.Names;
using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>ipvs: packets of connections a virtual server balances (struct xt_ipvs_mtinfo).</summary>
internal sealed class IpvsMatch : XtMatch
{
    private const int MaskField = 16, PortField = 32, ProtocolField = 34, MethodField = 35, ControlField = 36, InvertField = 38, BitsField = 39;
    private const byte Property = 1, DirectionBit = 16;
    private static readonly (string Word, byte Value)[] Methods = [("GATE", 3), ("IPIP", 2), ("MASQ", 0)];

    public override string Name => "ipvs";

    public override int Size => 40;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("ipvs", 0, XtOptionUse.Invert), new("vproto", 1, ArgumentOrNot), new("vaddr", 2, ArgumentOrNot), new("vport", 3, ArgumentOrNot),
        new("vdir", 4), new("vmethod", 5, ArgumentOrNot), new("vportctl", 6, ArgumentOrNot),
    ];

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        byte bit = (byte)(1 << call.Id);
        switch (call.Id)
        {
            case 1:
                info[ProtocolField] = ProtocolNames.TryNumber(call.Argument, out byte protocol)
                    ? protocol
                    : throw call.Fail($"unknown protocol '{call.Argument}'", NearestWord.Find(call.Argument, ProtocolNames.All));
                break;
            case 2:
                call.PutHostMask(0, MaskField);
                break;
            case 3 or 6:
                info.Put16Big(call.Id == 3 ? PortField : ControlField, call.DecimalPort(call.Argument));
                break;
            case 4:
                info[InvertField] |= call.Choice([("ORIGINAL", (byte)0), ("REPLY", DirectionBit)], "direction", ignoreCase: true);
                break;
            case 5:
                info[MethodField] = call.Choice(Methods, "method", ignoreCase: true);
                break;
            default:
                break;
        }

        info[BitsField] |= bit;
        info[InvertField] |= call.Negated ? bit : (byte)0;
    }

    public override void Finish(FinishCall call)
    {
        Span<byte> info = call.Info;
        if (call.Given == 0)
        {
            throw call.Fail("needs at least one option");
        }

        if (info[BitsField] > Property)
        {
            info[BitsField] |= (info[InvertField] & Property) == 0 ? Property : throw call.Fail("! --ipvs cannot stand beside other options");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        byte bits = info[BitsField], inverted = info[InvertField];
        bool Begin(int id)
        {
            bool given = (bits & (1 << id)) != 0;
            writer.Not(given && id != 4 && (inverted & (1 << id)) != 0);
            return given;
        }

        if (bits == Property && Begin(0))
        {
            writer.Write(" --ipvs");
        }

        if (Begin(1))
        {
            writer.Write($" --vproto {info[ProtocolField]}");
        }

        if (Begin(2))
        {
            writer.Write($" --vaddr {Addresses.Text(info.Address(0, writer.Family))}{Addresses.MaskSuffix(info.Address(MaskField, writer.Family))}");
        }

        if (Begin(3))
        {
            writer.Write($" --vport {info.UInt16Big(PortField)}");
        }

        if (Begin(4))
        {
            writer.Write((inverted & DirectionBit) != 0 ? " --vdir REPLY" : " --vdir ORIGINAL");
        }

        if (Begin(5))
        {
            byte method = info[MethodField];
            writer.Write($" --vmethod {Array.Find(Methods, one => one.Value == method).Word ?? "UNKNOWN"}");
        }

        if (Begin(6))
        {
            writer.Write($" --vportctl {info.UInt16Big(ControlField)}");
        }
    }
}
