using System.Globalization;
using System.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>string: bytes somewhere in the packet (struct xt_string_info).</summary>
internal sealed class StringMatch : XtMatch
{
    private const int PatternField = 20, PatternSize = 128, LengthField = 148, FlagsField = 149;

    public override string Name => "string";

    public override byte Revision => 1;

    public override int Size => 160;

    public override int UserSize => 152;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("from", 0), new("to", 1), new("algo", 2, XtOptionUse.Argument | XtOptionUse.Mandatory), new("icase", 3, XtOptionUse.None),
        new("string", 4, ArgumentOrNot, 1 << 5), new("hex-string", 5, ArgumentOrNot, 1 << 4),
    ];

    public override void Initialize(Span<byte> info) => info.Put16(2, ushort.MaxValue);

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case <= 1:
                call.Info.Put16(call.Id * 2, call.UInt16());
                return;
            case 2:
                call.PutText(4, 16);
                return;
            case 3:
                call.Info[FlagsField] |= 2;
                return;
            default:
                break;
        }

        byte[] pattern = call.Id == 4 ? Encoding.UTF8.GetBytes(call.Argument) : ParseHex(call);
        if (pattern.Length is 0 or > PatternSize)
        {
            throw call.Fail($"the text has {pattern.Length} bytes; 1 to {PatternSize} are possible");
        }

        pattern.CopyTo(call.Info[PatternField..]);
        call.Info[LengthField] = (byte)pattern.Length;
        call.Info[FlagsField] |= call.Negated ? (byte)1 : (byte)0;
    }

    public override void Finish(FinishCall call)
    {
        if ((call.Given & 0x30) == 0)
        {
            throw call.Fail("needs --string or --hex-string");
        }

        if ((call.Given & 4) != 0 && ((ReadOnlySpan<byte>)call.Info).Text(4, 16) is not ("bm" or "kmp" or "fsm"))
        {
            throw call.Fail("--algo is bm or kmp");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ReadOnlySpan<byte> pattern = info.Slice(PatternField, Math.Min(info[LengthField], (byte)PatternSize));
        bool hexadecimal = pattern.ContainsAnyExceptInRange((byte)0x20, (byte)0x7e) || pattern.EndsWith("\\"u8);
        writer.Not((info[FlagsField] & 1) != 0);
        if (hexadecimal)
        {
            writer.Write($" --hex-string \"|{Convert.ToHexStringLower(pattern)}|\"");
        }
        else
        {
            writer.Write($" --string \"{Encoding.ASCII.GetString(pattern).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
        }

        writer.Write($" --algo {info.Text(4, 16)}").Write(info.UInt16(0) != 0 ? $" --from {info.UInt16(0)}" : "")
            .Write(info.UInt16(2) != ushort.MaxValue ? $" --to {info.UInt16(2)}" : "").Write((info[FlagsField] & 2) != 0 ? " --icase" : "");
    }

    /// <summary>Text with hexadecimal bytes between bars; a backslash takes the next character as it is.</summary>
    private static byte[] ParseHex(OptionCall call)
    {
        var bytes = new List<byte>();
        string text = call.Argument;
        bool hexadecimal = false;
        for (int index = 0; index < text.Length; index++)
        {
            char character = text[index];
            if (character == '|')
            {
                hexadecimal = !hexadecimal;
            }
            else if (!hexadecimal)
            {
                character = character == '\\' && index + 1 < text.Length ? text[++index] : character;
                bytes.AddRange(Encoding.UTF8.GetBytes(character.ToString()));
            }
            else if (character != ' ')
            {
                bytes.Add(index + 1 < text.Length
                    && byte.TryParse(text.AsSpan(index, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
                    ? value
                    : throw call.Fail("bytes between bars are pairs of hexadecimal digits"));
                index++;
            }
        }

        return [.. bytes];
    }
}
