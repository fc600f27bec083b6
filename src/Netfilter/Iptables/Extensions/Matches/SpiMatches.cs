namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>A match on a range of security parameter indexes: ah, esp, ipcomp.</summary>
internal abstract class SpiMatch : XtMatch
{
    protected abstract string OptionName { get; }

    protected abstract int InvertField { get; }

    public override void Initialize(Span<byte> info) => info.Put32(4, uint.MaxValue);

    public override void Parse(OptionCall call)
    {
        (ulong low, ulong high, _) = call.NumberRange(uint.MaxValue);
        call.Info.Put32(0, (uint)low);
        call.Info.Put32(4, (uint)high);
        call.Info[InvertField] |= call.Negated ? (byte)1 : (byte)0;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Range32($"--{OptionName}", info.UInt32(0), info.UInt32(4), (info[InvertField] & 1) != 0);
}

/// <summary>esp (struct xt_esp).</summary>
internal sealed class EspMatch : SpiMatch
{
    public override string Name => "esp";

    public override int Size => 12;

    protected override string OptionName => "espspi";

    protected override int InvertField => 8;

    public override IReadOnlyList<XtOption> Options { get; } = [new("espspi", 0, ArgumentOrNot)];

    public override void Finish(FinishCall call) => call.RequireProtocol(50);
}

/// <summary>ah of IPv4 (struct ipt_ah).</summary>
internal sealed class AhMatch : SpiMatch
{
    public override string Name => "ah";

    public override int Size => 12;

    public override IptablesFamily? Family => IptablesFamily.Ip;

    protected override string OptionName => "ahspi";

    protected override int InvertField => 8;

    public override IReadOnlyList<XtOption> Options { get; } = [new("ahspi", 0, ArgumentOrNot)];

    public override void Finish(FinishCall call) => call.RequireProtocol(51);
}

/// <summary>ah of IPv6 (struct ip6t_ah): also the header's length and reserved bits.</summary>
internal sealed class Ah6Match : SpiMatch
{
    public override string Name => "ah";

    public override int Size => 16;

    public override IptablesFamily? Family => IptablesFamily.Ip6;

    protected override string OptionName => "ahspi";

    protected override int InvertField => 13;

    public override IReadOnlyList<XtOption> Options { get; } = [new("ahspi", 0, ArgumentOrNot), new("ahlen", 1, ArgumentOrNot), new("ahres", 2, XtOptionUse.None)];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                base.Parse(call);
                break;
            case 1:
                call.Info.Put32(8, call.UInt32());
                call.Info[13] |= call.Negated ? (byte)2 : (byte)0;
                break;
            default:
                call.Info[12] = 1;
                break;
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        base.Print(info, writer);
        bool negated = (info[13] & 2) != 0;
        if (info.UInt32(8) != 0 || negated)
        {
            writer.Not(negated).Write($" --ahlen {info.UInt32(8)}");
        }

        writer.Write(info[12] != 0 ? " --ahres" : "");
    }
}

/// <summary>ipcomp (struct xt_ipcomp).</summary>
internal sealed class IpcompMatch : SpiMatch
{
    public override string Name => "ipcomp";

    public override int Size => 12;

    protected override string OptionName => "ipcompspi";

    protected override int InvertField => 8;

    public override IReadOnlyList<XtOption> Options { get; } = [new("ipcompspi", 0, ArgumentOrNot), new("compres", 1, XtOptionUse.None)];

    public override void Parse(OptionCall call)
    {
        if (call.Id == 0)
        {
            base.Parse(call);
        }
        else
        {
            call.Info[9] = 1;
        }
    }

    public override void Finish(FinishCall call) => call.RequireProtocol(108);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        base.Print(info, writer);
        writer.Write(info[9] != 0 ? " --compres" : "");
    }
}
