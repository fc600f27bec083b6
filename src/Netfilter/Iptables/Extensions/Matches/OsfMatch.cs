namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>osf: the sender's operating system by its SYN (struct xt_osf_info).</summary>
internal sealed class OsfMatch : XtMatch
{
    private const int LengthField = 32, FlagsField = 36, LogField = 40, TtlField = 44;

    public override string Name => "osf";

    public override int Size => 48;

    public override IptablesFamily? Family => IptablesFamily.Ip;

    public override IReadOnlyList<XtOption> Options { get; } = [new("genre", 0, ArgumentOrNot | XtOptionUse.Mandatory), new("ttl", 1), new("log", 2)];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                call.PutText(0, 32);
                call.Info.Put32(LengthField, (uint)((ReadOnlySpan<byte>)call.Info).Text(0, 32).Length);
                call.Info.Or32(FlagsField, call.Negated ? 8u : 0);
                break;
            case 1:
                call.Info.Put32(TtlField, call.UInt32(0, 2));
                call.Info.Or32(FlagsField, 2);
                break;
            default:
                call.Info.Put32(LogField, call.UInt32(0, 2));
                call.Info.Or32(FlagsField, 4);
                break;
        }
    }

    public override void Finish(FinishCall call) => call.RequireProtocol(6);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint flags = info.UInt32(FlagsField);
        writer.Not((flags & 8) != 0).Write($" --genre {info.Text(0, 32)}");
        writer.Write((flags & 2) != 0 ? $" --ttl {info.UInt32(TtlField)}" : "").Write((flags & 4) != 0 ? $" --log {info.UInt32(LogField)}" : "");
    }
}
