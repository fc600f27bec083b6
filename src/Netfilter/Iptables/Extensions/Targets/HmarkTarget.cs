using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>HMARK: a mark from a hash of the flow (struct xt_hmark_info).</summary>
internal sealed class HmarkTarget : XtTarget
{
    private const int DestinationMask = 16, PortMask = 32, PortSet = 36, FlagsField = 40, ProtocolMask = 44, RandomField = 48, ModulusField = 52, OffsetField = 56;

    // The bits are the kernel's numbers of the fields.
    private const int SourcePrefix = 0, DestinationPrefix = 1, Spi = 2, SpiMask = 3, SourcePort = 4, DestinationPort = 5, SourcePortMask = 6,
        DestinationPortMask = 7, ProtocolMaskBit = 8, Random = 9, Modulus = 10, Offset = 11, Conntrack = 12, Tuple = 13;

    public override string Name => "HMARK";

    public override int Size => 60;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("hmark-tuple", Tuple), new("hmark-src-prefix", SourcePrefix), new("hmark-dst-prefix", DestinationPrefix),
        new("hmark-sport-mask", SourcePortMask), new("hmark-dport-mask", DestinationPortMask), new("hmark-spi-mask", SpiMask),
        new("hmark-sport", SourcePort), new("hmark-dport", DestinationPort), new("hmark-spi", Spi), new("hmark-proto-mask", ProtocolMaskBit),
        new("hmark-rnd", Random, XtOptionUse.Argument | XtOptionUse.Mandatory), new("hmark-mod", Modulus, XtOptionUse.Argument | XtOptionUse.Mandatory),
        new("hmark-offset", Offset),
    ];

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case Tuple:
                foreach (string word in call.Argument.Split(','))
                {
                    info.Or32(FlagsField, 1u << ParseTuple(call, word, info));
                }

                return;
            case SourcePrefix or DestinationPrefix:
                info.PutAddress(call.Id * DestinationMask, call.PrefixMask());
                break;
            case SourcePortMask or DestinationPortMask:
                info.Put16Big(PortMask + ((call.Id - SourcePortMask) * 2), call.UInt16());
                break;
            case SourcePort or DestinationPort:
                info.Put16Big(PortSet + ((call.Id - SourcePort) * 2), call.UInt16());
                break;
            case SpiMask or Spi:
                info.Put32Big(call.Id == Spi ? PortSet : PortMask, call.UInt32());
                break;
            case ProtocolMaskBit:
                info.Put16(ProtocolMask, call.UInt16());
                break;
            default:
                info.Put32(RandomField + ((call.Id - Random) * 4), call.UInt32(call.Id == Modulus ? 1u : 0));
                break;
        }

        info.Or32(FlagsField, 1u << call.Id);
    }

    public override void Finish(FinishCall call)
    {
        uint flags = ((ReadOnlySpan<byte>)call.Info).UInt32(FlagsField);
        if ((flags & (1 << SpiMask)) != 0 && (flags & ((1 << SourcePortMask) | (1 << DestinationPortMask))) != 0)
        {
            throw call.Fail("--hmark-spi-mask and the port masks exclude each other");
        }

        if ((flags & 0x11ff) == 0)
        {
            throw call.Fail("needs --hmark-tuple");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint flags = info.UInt32(FlagsField);
        int size = writer.Family == IptablesFamily.Ip ? 4 : 16;
        Print(SourcePrefix, $" --hmark-src-prefix {Addresses.PrefixLength(info[..size]) ?? -1}");
        Print(DestinationPrefix, $" --hmark-dst-prefix {Addresses.PrefixLength(info.Slice(DestinationMask, size)) ?? -1}");
        Print(SourcePortMask, $" --hmark-sport-mask 0x{info.UInt16Big(PortMask):x4}");
        Print(DestinationPortMask, $" --hmark-dport-mask 0x{info.UInt16Big(PortMask + 2):x4}");
        Print(SpiMask, $" --hmark-spi-mask 0x{info.UInt32Big(PortMask):x8}");
        Print(SourcePort, $" --hmark-sport 0x{info.UInt16Big(PortSet):x4}");
        Print(DestinationPort, $" --hmark-dport 0x{info.UInt16Big(PortSet + 2):x4}");
        Print(Spi, $" --hmark-spi 0x{info.UInt32Big(PortSet):x8}");
        Print(ProtocolMaskBit, $" --hmark-proto-mask 0x{info.UInt16(ProtocolMask):x2}");
        Print(Random, $" --hmark-rnd 0x{info.UInt32(RandomField):x8}");
        Print(Modulus, $" --hmark-mod {info.UInt32(ModulusField)}");
        Print(Offset, $" --hmark-offset {info.UInt32(OffsetField)}");
        Print(Conntrack, " --hmark-tuple ct");

        void Print(int bit, string text) => writer.Write((flags & (1u << bit)) != 0 ? text : "");
    }

    private static int ParseTuple(OptionCall call, string word, Span<byte> info)
    {
        switch (word)
        {
            case "ct":
                return Conntrack;
            case "src":
                info[..16].Fill(0xff);
                return SourcePrefix;
            case "dst":
                info.Slice(DestinationMask, 16).Fill(0xff);
                return DestinationPrefix;
            case "sport":
                info.Put16(PortMask, ushort.MaxValue);
                return SourcePortMask;
            case "dport":
                info.Put16(PortMask + 2, ushort.MaxValue);
                return DestinationPortMask;
            case "proto":
                info.Put16(ProtocolMask, ushort.MaxValue);
                return ProtocolMaskBit;
            case "spi":
                info.Put32(PortMask, uint.MaxValue);
                return SpiMask;
            default:
                throw call.Fail($"'{word}' is no part of a tuple", Text.NearestWord.Find(word, ["ct", "src", "dst", "sport", "dport", "proto", "spi"]));
        }
    }
}
