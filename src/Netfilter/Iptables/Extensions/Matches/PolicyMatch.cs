using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>policy: what IPsec did or will do with the packet (struct xt_policy_info).</summary>
internal sealed class PolicyMatch : XtMatch
{
    private const int ElementSize = 76, MostElements = 4, FlagsField = 304, CountField = 306, SpiField = 64, RequestField = 68, ProtocolField = 72,
        ModeField = 73, MatchField = 74, InvertField = 75;

    private const byte Source = 1, Destination = 2, Protocol = 4, Mode = 8, Spi = 16, Request = 32;
    private const ushort In = 1, Out = 2, None = 4, Strict = 8;

    public override string Name => "policy";

    public override int Size => 308;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("dir", 0), new("pol", 1), new("strict", 2, XtOptionUse.None), new("reqid", 3, ArgumentOrNot | XtOptionUse.Multiple),
        new("spi", 4, ArgumentOrNot | XtOptionUse.Multiple), new("proto", 5, ArgumentOrNot | XtOptionUse.Multiple),
        new("mode", 6, ArgumentOrNot | XtOptionUse.Multiple), new("tunnel-src", 7, ArgumentOrNot | XtOptionUse.Multiple),
        new("tunnel-dst", 8, ArgumentOrNot | XtOptionUse.Multiple), new("next", 9, XtOptionUse.Multiple, 0, 4),
    ];

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        int count = ((ReadOnlySpan<byte>)info).UInt16(CountField);
        int element = count * ElementSize;
        switch (call.Id)
        {
            case 0:
                info.Or16(FlagsField, call.Choice([("in", In), ("out", Out)], "direction"));
                break;
            case 1:
                info.Or16(FlagsField, call.Choice([("none", None), ("ipsec", (ushort)0)], "policy"));
                break;
            case 2:
                info.Or16(FlagsField, Strict);
                break;
            case 3:
                Mark(call, element, Request);
                info.Put32(element + RequestField, call.UInt32());
                break;
            case 4:
                Mark(call, element, Spi);
                info.Put32(element + SpiField, call.UInt32());
                break;
            case 5:
                Mark(call, element, Protocol);
                info[element + ProtocolField] = ProtocolNames.TryNumber(call.Argument, out byte protocol) && protocol is 50 or 51 or 108
                    ? protocol
                    : throw call.Fail("the protocol is ah, esp or ipcomp");
                break;
            case 6:
                Mark(call, element, Mode);
                info[element + ModeField] = call.Choice([("transport", (byte)0), ("tunnel", (byte)1)], "mode");
                break;
            case 7:
                Mark(call, element, Source);
                call.PutHostMask(element, element + 16);
                break;
            case 8:
                Mark(call, element, Destination);
                call.PutHostMask(element + 32, element + 48);
                break;
            default:
                info.Put16(CountField, count + 1 < MostElements ? (ushort)(count + 1) : throw call.Fail($"takes {MostElements} elements at most"));
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        Span<byte> info = call.Info;
        ushort flags = ((ReadOnlySpan<byte>)info).UInt16(FlagsField), count = ((ReadOnlySpan<byte>)info).UInt16(CountField);
        if ((flags & (In | Out)) == 0)
        {
            throw call.Fail("needs --dir in or --dir out");
        }

        if ((flags & None) != 0)
        {
            if ((flags & Strict) != 0 || count != 0)
            {
                throw call.Fail("--pol none stands without --strict and without elements");
            }
        }
        else
        {
            info.Put16(CountField, ++count);
        }

        for (int index = 0; index < count; index++)
        {
            int element = index * ElementSize;
            if ((flags & Strict) != 0 && info[element + MatchField] == 0)
            {
                throw call.Fail($"--strict is given, but element {index} says nothing");
            }

            bool negated = (info[element + InvertField] & Mode) != 0;
            if ((info[element + MatchField] & (Source | Destination)) != 0 && (info[element + ModeField] == 1) == negated)
            {
                throw call.Fail("--tunnel-src and --tunnel-dst stand with --mode tunnel only");
            }
        }

        if ((flags & In) != 0)
        {
            call.RequireChain("PREROUTING", "INPUT", "FORWARD");
        }
        else
        {
            call.RequireChain("POSTROUTING", "OUTPUT", "FORWARD");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ushort flags = info.UInt16(FlagsField), count = info.UInt16(CountField);
        writer.Write((flags & In) != 0 ? " --dir in" : " --dir out").Write((flags & None) != 0 ? " --pol none" : " --pol ipsec")
            .Write((flags & Strict) != 0 ? " --strict" : "");
        for (int index = 0; index < Math.Min(count, (ushort)MostElements); index++)
        {
            PrintElement(info.Slice(index * ElementSize, ElementSize), writer);
            writer.Write(index + 1 < count ? " --next" : "");
        }
    }

    private static void PrintElement(ReadOnlySpan<byte> element, SaveWriter writer)
    {
        byte match = element[MatchField], inverted = element[InvertField];
        Option(Request, $" --reqid {element.UInt32(RequestField)}");
        Option(Spi, $" --spi 0x{element.UInt32(SpiField):x}");
        Option(Protocol, $" --proto {ProtocolNames.Name(element[ProtocolField])}");
        Option(Mode, element[ModeField] == 0 ? " --mode transport" : element[ModeField] == 1 ? " --mode tunnel" : " --mode ???");
        Option(Destination, $" --tunnel-dst {Network(element, 32, writer.Family)}");
        Option(Source, $" --tunnel-src {Network(element, 0, writer.Family)}");

        void Option(byte bit, string text)
        {
            if ((match & bit) != 0)
            {
                writer.Not((inverted & bit) != 0).Write(text);
            }
        }
    }

    private static string Network(ReadOnlySpan<byte> element, int offset, IptablesFamily family) =>
        Addresses.Text(element.Address(offset, family)) + Addresses.MaskSuffix(element.Address(offset + 16, family));

    private static void Mark(OptionCall call, int element, byte bit)
    {
        if ((call.Info[element + MatchField] & bit) != 0)
        {
            throw call.Fail($"--{call.Option.Name} stands twice in one element");
        }

        call.Info[element + MatchField] |= bit;
        call.Info[element + InvertField] |= call.Negated ? bit : (byte)0;
    }
}
