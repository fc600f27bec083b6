namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>LED: lets a light of the machine blink (struct xt_led_info).</summary>
internal sealed class LedTarget : XtTarget
{
    private const string Prefix = "netfilter-";
    private const int IdentitySize = 27, BlinkField = 27, DelayField = 28;

    public override string Name => "LED";

    public override int Size => 40;

    public override int UserSize => 32;

    public override IReadOnlyList<XtOption> Options { get; } =
        [new("led-trigger-id", 0, XtOptionUse.Argument | XtOptionUse.Mandatory), new("led-delay", 1), new("led-always-blink", 2, XtOptionUse.None)];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                int longest = IdentitySize - 1 - Prefix.Length;
                call.Info.PutText(0, IdentitySize, call.Argument.Length <= longest ? Prefix + call.Argument : throw call.Fail($"a trigger's name has at most {longest} characters"));
                break;
            case 1:
                call.Info.Put32(DelayField, call.Argument.StartsWith("inf", StringComparison.OrdinalIgnoreCase) ? uint.MaxValue : call.UInt32());
                break;
            default:
                call.Info[BlinkField] = 1;
                break;
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        string identity = info.Text(Prefix.Length, IdentitySize - Prefix.Length).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        writer.Write($" --led-trigger-id \"{identity}\"");

        // iptables-save prints the delay as a signed number; -1 is for ever.
        int delay = (int)info.UInt32(DelayField);
        writer.Write(delay == 0 ? "" : delay == -1 ? " --led-delay inf" : $" --led-delay {delay}").Write(info[BlinkField] != 0 ? " --led-always-blink" : "");
    }
}
