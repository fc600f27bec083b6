using System.Globalization;
using System.Text;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>What the machine under test is.</summary>
public enum Topology
{
    /// <summary>It routes IPv4 and IPv6 between two links.</summary>
    Router,

    /// <summary>It bridges three links, and has an address on the bridge.</summary>
    Bridge,

    /// <summary>Three links and nothing on them: a <see cref="Scene"/> adds what it needs.</summary>
    Bare,
}

/// <summary>A frame of a program.</summary>
/// <param name="Port">Which link it comes in by, from 0.</param>
/// <param name="Bytes">The whole ethernet frame.</param>
public sealed record ProgramFrame(int Port, byte[] Bytes);

/// <summary>A rule set as nft reads it, and frames that are sent through it one after another. As text it is a file of <c>cases/</c>.</summary>
public sealed record DifferenceProgram(Topology Topology, IReadOnlyList<string> Rules, IReadOnlyList<ProgramFrame> Frames)
{
    private const string Separator = "--";

    /// <summary>Reads what <see cref="ToString"/> writes; lines that begin with # say what the program shows.</summary>
    public static DifferenceProgram Parse(string text)
    {
        string[] lines = [.. text.Split('\n').Where(static line => line.Length > 0 && line[0] != '#')];
        int separator = Array.IndexOf(lines, Separator);
        return new DifferenceProgram(
            Enum.Parse<Topology>(lines[0]["topology ".Length..], ignoreCase: true),
            lines[1..separator],
            [.. lines[(separator + 1)..].Select(static line => line.Split(' ')).Select(static parts => new ProgramFrame(int.Parse(parts[0], CultureInfo.InvariantCulture), Convert.FromHexString(parts[1])))]);
    }

    /// <inheritdoc />
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append("topology ").Append(Topology.ToString().ToLowerInvariant()).Append('\n');
        foreach (string rule in Rules)
        {
            text.Append(rule).Append('\n');
        }

        text.Append(Separator).Append('\n');
        foreach (ProgramFrame frame in Frames)
        {
            text.Append(frame.Port).Append(' ').Append(Convert.ToHexStringLower(frame.Bytes)).Append('\n');
        }

        return text.ToString();
    }
}
