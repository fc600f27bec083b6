using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>Collects the words of rules as iptables-save prints them: each word with a blank before it.</summary>
/// <param name="family">The rules' family.</param>
/// <param name="names">Turns the kernel's numbers into names.</param>
/// <param name="text">Where the words go; a text of its own where it is left out.</param>
internal sealed class SaveWriter(IptablesFamily family, IptablesNames? names = null, StringBuilder? text = null)
{
    private static readonly SearchValues<char> Plain =
        SearchValues.Create("_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    private readonly StringBuilder _text = text ?? new StringBuilder();

    public IptablesFamily Family { get; } = family;

    /// <summary>Turns the kernel's numbers into names.</summary>
    public IptablesNames Names { get; } = names ?? IptablesNames.None;

    /// <summary>Appends text as it is.</summary>
    public SaveWriter Write(string text)
    {
        _text.Append(text);
        return this;
    }

    /// <summary>Appends an interpolated text as it is.</summary>
    public SaveWriter Write(ref DefaultInterpolatedStringHandler text)
    {
        _text.Append(text.Text);
        text.Clear();
        return this;
    }

    /// <summary>Writes " !" where <paramref name="negated"/>.</summary>
    public SaveWriter Not(bool negated)
    {
        if (negated)
        {
            _text.Append(" !");
        }

        return this;
    }

    /// <summary>Writes a word, in double quotes with escapes where it holds anything but letters, digits, '-' and '_'.</summary>
    public SaveWriter Quoted(string value)
    {
        _text.Append(' ');
        if (value.Length > 0 && !value.AsSpan().ContainsAnyExcept(Plain))
        {
            _text.Append(value);
            return this;
        }

        _text.Append('"');
        foreach (char character in value)
        {
            if (character is '"' or '\\' or '\'')
            {
                _text.Append('\\');
            }

            _text.Append(character);
        }

        _text.Append('"');
        return this;
    }

    /// <summary>A pair of ports of a header match: nothing for all of them, one for a single port.</summary>
    public SaveWriter Ports(string option, ReadOnlySpan<byte> info, int offset, bool negated) =>
        GivenPorts(option, info, offset, info.UInt16(offset) != 0 || info.UInt16(offset + 2) != ushort.MaxValue, negated);

    /// <summary>A pair of ports of a header match, where it was given.</summary>
    public SaveWriter GivenPorts(string option, ReadOnlySpan<byte> info, int offset, bool given, bool negated)
    {
        if (given)
        {
            ushort low = info.UInt16(offset), high = info.UInt16(offset + 2);
            Not(negated).Write($" {option} {low}").Write(low == high ? "" : $":{high}");
        }

        return this;
    }

    /// <summary>A range of numbers: nothing for all of them, one for a single number.</summary>
    public SaveWriter Range32(string option, uint low, uint high, bool negated)
    {
        if (low != 0 || high != uint.MaxValue)
        {
            Not(negated).Write($" {option} {low}").Write(low == high ? "" : $":{high}");
        }

        return this;
    }

    /// <summary>A value and its mask, the mask only where it is not full.</summary>
    public SaveWriter ValueMask(uint value, uint mask) => Write($" 0x{value:x}").Write(mask == uint.MaxValue ? "" : $"/0x{mask:x}");

    /// <summary>What was written, without the leading blank.</summary>
    public override string ToString() => _text.Length > 0 && _text[0] == ' ' ? _text.ToString(1, _text.Length - 1) : _text.ToString();
}
