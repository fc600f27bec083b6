using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace EucaNet.Cli.Scenarios;

/// <summary>Reads the words behind a statement's first: positions, then options; what is missing or wrong is reported with its column.</summary>
internal sealed class OptionReader(ScenarioLine line, ScenarioFile file)
{
    private int _next = 1;

    /// <summary>The line read from.</summary>
    public ScenarioLine Line => line;

    /// <summary>Column behind the last word, for what is missing.</summary>
    private int End => line.Tokens[^1].Column + line.Tokens[^1].Text.Length;

    /// <summary>All words not read yet.</summary>
    public string[] Rest()
    {
        string[] rest = line.Words[Math.Min(_next, line.Tokens.Count)..];
        _next = line.Tokens.Count;
        return rest;
    }

    /// <summary>The next word if it is this one.</summary>
    public bool Take(string word)
    {
        if (_next < line.Tokens.Count && line.Tokens[_next].Text == word)
        {
            _next++;
            return true;
        }

        return false;
    }

    /// <summary>The next word; reported where there is none.</summary>
    public ScenarioToken Token(string what)
    {
        if (_next < line.Tokens.Count)
        {
            return line.Tokens[_next++];
        }

        file.Report(line.Number, End, $"{what} is missing here");
        return new ScenarioToken("", End);
    }

    /// <summary>The next word's text; reported where there is none.</summary>
    public string Positional(string what) => Token(what).Text;

    /// <summary>The next option, one of <paramref name="known"/>; null at the end of the line.</summary>
    public ScenarioToken? NextOption(params string[] known)
    {
        while (_next < line.Tokens.Count)
        {
            ScenarioToken token = line.Tokens[_next++];
            if (known.Contains(token.Text))
            {
                return token;
            }

            file.ReportUnknown(line.Number, token, "option", known);
        }

        return null;
    }

    /// <summary>A path beside the scenario file that exists.</summary>
    public string File(string what)
    {
        ScenarioToken token = Token(what);
        string path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file.Path))!, token.Text);
        if (token.Text.Length > 0 && !System.IO.File.Exists(path))
        {
            file.Report(line.Number, token.Column, $"there is no file '{path}'");
        }

        return path;
    }

    /// <summary>An address; reported where it is none.</summary>
    public IPAddress? Address(ScenarioToken token, ReadOnlySpan<char> text)
    {
        if (IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetwork && text.Count('.') == 3)
        {
            return address;
        }

        file.Report(line.Number, token.Column, $"'{text}' is not an IPv4 address");
        return null;
    }

    /// <summary>INTERFACE=ADDRESS/PREFIX.</summary>
    public IEnumerable<InterfaceAddress> InterfaceAddress()
    {
        ScenarioToken token = Token("INTERFACE=ADDRESS/PREFIX");
        int equals = token.Text.IndexOf('=', StringComparison.Ordinal);
        int slash = token.Text.IndexOf('/', StringComparison.Ordinal);
        if (equals <= 0 || slash < equals || !int.TryParse(token.Text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int prefix) || prefix > 32)
        {
            file.Report(line.Number, token.Column, $"'{token.Text}' is not INTERFACE=ADDRESS/PREFIX, such as eth0=192.168.1.254/24");
            return [];
        }

        return Address(token, token.Text.AsSpan(equals + 1, slash - equals - 1)) is { } address ? [new InterfaceAddress(token.Text[..equals], address, prefix)] : [];
    }

    /// <summary>FIRST-LAST.</summary>
    public (IPAddress First, IPAddress Last)? AddressRange()
    {
        ScenarioToken token = Token("FIRST-LAST");
        string[] ends = token.Text.Split('-');
        if (ends.Length != 2)
        {
            file.Report(line.Number, token.Column, $"'{token.Text}' is not FIRST-LAST, such as 192.168.1.100-192.168.1.150");
            return null;
        }

        return Address(token, ends[0]) is { } first && Address(token, ends[1]) is { } last ? (first, last) : null;
    }
}
