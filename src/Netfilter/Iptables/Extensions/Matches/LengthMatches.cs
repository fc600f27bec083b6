namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>length and tcpmss: a range of sizes (struct xt_length_info, struct xt_tcpmss_match_info).</summary>
internal abstract class SizeMatch(string option) : XtMatch
{
    public override int Size => 6;

    protected abstract bool MayRunBackwards { get; }

    public override IReadOnlyList<XtOption> Options { get; } = [new(option, 0, ArgumentOrNot | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        (ulong low, ulong high, _) = call.NumberRange(ushort.MaxValue);
        if (!MayRunBackwards && low > high)
        {
            throw call.Fail($"the range '{call.Argument}' runs backwards");
        }

        call.Info.Put16(0, (ushort)low);
        call.Info.Put16(2, (ushort)high);
        call.Info[4] = call.Negated ? (byte)1 : (byte)0;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ushort low = info.UInt16(0), high = info.UInt16(2);
        writer.Not(info[4] != 0).Write($" --{option} {low}").Write(low == high ? "" : $":{high}");
    }
}

/// <summary>length: the packet's length.</summary>
internal sealed class LengthMatch() : SizeMatch("length")
{
    public override string Name => "length";

    protected override bool MayRunBackwards => true;
}

/// <summary>tcpmss: the maximum segment size a SYN announces.</summary>
internal sealed class TcpmssMatch() : SizeMatch("mss")
{
    public override string Name => "tcpmss";

    protected override bool MayRunBackwards => false;

    public override void Finish(FinishCall call) => call.RequireProtocol(6);
}
