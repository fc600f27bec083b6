namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>ecn: explicit congestion notification in the IP and TCP headers (struct xt_ecn_info).</summary>
internal sealed class EcnMatch : XtMatch
{
    private const byte Ip = 0x01, Ece = 0x10, Cwr = 0x20;

    private static readonly byte[] Bits = [Cwr, Ece, Ip];

    public override string Name => "ecn";

    public override int Size => 4;

    public override IReadOnlyList<XtOption> Options { get; } =
        [new("ecn-tcp-cwr", 0, XtOptionUse.Invert), new("ecn-tcp-ece", 1, XtOptionUse.Invert), new("ecn-ip-ect", 2, ArgumentOrNot)];

    public override void Parse(OptionCall call)
    {
        call.Info[0] |= Bits[call.Id];
        call.Info[1] |= call.Negated ? Bits[call.Id] : (byte)0;
        if (call.Id == 2)
        {
            call.Info[2] = call.Byte(0, 3);
        }
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail("needs an option");
        }

        if ((call.Given & 3) != 0)
        {
            call.RequireProtocol(6);
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        if ((info[0] & Ece) != 0)
        {
            writer.Not((info[1] & Ece) != 0).Write(" --ecn-tcp-ece");
        }

        if ((info[0] & Cwr) != 0)
        {
            writer.Not((info[1] & Cwr) != 0).Write(" --ecn-tcp-cwr");
        }

        if ((info[0] & Ip) != 0)
        {
            writer.Not((info[1] & Ip) != 0).Write($" --ecn-ip-ect {info[2]}");
        }
    }
}
