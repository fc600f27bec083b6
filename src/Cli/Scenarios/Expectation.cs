using System.Globalization;
using System.Net;

namespace EucaNet.Cli.Scenarios;

/// <summary>Something that must hold at a point of a scenario.</summary>
internal abstract record Expectation
{
    private static readonly string[] Kinds = ["lease", "ping", "tcp", "udp", "link", "port", "instance", "refused"];

    /// <summary>Reads what stands behind "expect"; null where it is wrong, which is reported.</summary>
    public static Expectation? Read(OptionReader reader, ScenarioFile file)
    {
        bool negated = reader.Take("no");
        ScenarioToken kind = reader.Token("what to expect");
        int before = file.Mistakes.Count;
        if (negated && kind.Text is not ("ping" or "tcp" or "udp" or "link"))
        {
            file.Report(reader.Line.Number, kind.Column, $"'no' goes with ping, tcp, udp and link, not with '{kind.Text}'");
            return null;
        }

        Expectation? expectation = kind.Text switch
        {
            "lease" => ReadLease(reader, file),
            "ping" => new ReachExpectation(Probe.Ping, Endpoint(reader, file), Endpoint(reader, file), 0, null, null, !negated),
            "tcp" => ReadConnection(Probe.Tcp, reader, file, !negated),
            "udp" => ReadConnection(Probe.Udp, reader, file, !negated),
            "link" => new LinkExpectation(MachineName(reader, file), reader.Positional("an interface's name"), !negated),
            "port" => new PortExpectation(MachineName(reader, file), reader.Positional("a bridge's name"), reader.Positional("an interface's name")),
            "instance" => ReadInstance(reader, file),
            "refused" => ReadRefused(reader, file),
            _ => null,
        };
        if (expectation is null && file.Mistakes.Count == before)
        {
            file.ReportUnknown(reader.Line.Number, kind, "expectation", Kinds);
        }

        if (expectation is not null)
        {
            reader.NextOption();
        }

        return file.Mistakes.Count == before ? expectation : null;
    }

    private static LeaseExpectation ReadLease(OptionReader reader, ScenarioFile file)
    {
        string machine = Endpoint(reader, file);
        ScenarioToken address = reader.Token("the address it must have");
        return new LeaseExpectation(machine, reader.Address(address, address.Text) ?? IPAddress.None);
    }

    private static InstanceExpectation ReadInstance(OptionReader reader, ScenarioFile file)
    {
        string instance = Endpoint(reader, file);
        ScenarioToken address = reader.Token("the address the front-end must list for it");
        return new InstanceExpectation(instance, reader.Address(address, address.Text) ?? IPAddress.None);
    }

    private static RefusedExpectation ReadRefused(OptionReader reader, ScenarioFile file)
    {
        string text = reader.Positional("a part of the reason");
        List<string> words = [.. reader.Rest()];
        int on = words.IndexOf("--on");
        string? node = null;
        if (on >= 0 && on + 1 < words.Count)
        {
            node = words[on + 1];
            words.RemoveRange(on, 2);
        }

        if (words.Count == 0)
        {
            file.Report(reader.Line.Number, 1, "expect refused needs the command that must be refused");
        }

        return new RefusedExpectation(text, [.. words], node);
    }

    private static ReachExpectation? ReadConnection(Probe probe, OptionReader reader, ScenarioFile file, bool reached)
    {
        string from = Endpoint(reader, file);
        ScenarioToken target = reader.Token("ADDRESS:PORT");
        int colon = target.Text.LastIndexOf(':');
        if (colon < 0 || !ushort.TryParse(target.Text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            file.Report(reader.Line.Number, target.Column, $"'{target.Text}' is not MACHINE:PORT or ADDRESS:PORT, such as 203.0.113.10:22");
            return null;
        }

        string to = EndpointName(new ScenarioToken(target.Text[..colon], target.Column), reader, file);
        string? at = null;
        IPAddress? seenAs = null;
        while (reader.NextOption("--at", "--seen-as") is { } option)
        {
            ScenarioToken value = reader.Token($"the value of {option.Text}");
            if (option.Text == "--at")
            {
                at = EndpointName(value, reader, file);
            }
            else
            {
                seenAs = reader.Address(value, value.Text);
            }
        }

        return new ReachExpectation(probe, from, to, port, at, seenAs, reached);
    }

    private static string MachineName(OptionReader reader, ScenarioFile file)
    {
        ScenarioToken token = reader.Token("a machine's name");
        if (token.Text.Length > 0)
        {
            file.RequireMachine(reader.Line.Number, token);
        }

        return token.Text;
    }

    private static string Endpoint(OptionReader reader, ScenarioFile file)
    {
        ScenarioToken token = reader.Token("a machine, an instance or an address");
        return token.Text.Length > 0 ? EndpointName(token, reader, file) : "";
    }

    // A machine, an instance that was run above, or an address.
    private static string EndpointName(ScenarioToken token, OptionReader reader, ScenarioFile file)
    {
        string[] known =
        [
            .. file.Machines.Select(machine => machine.Name),
            .. file.Statements.OfType<CommandStatement>().Where(statement => statement.Words is ["instance", "run", _, ..]).Select(statement => statement.Words[2]),
        ];
        if (!known.Contains(token.Text) && !IPAddress.TryParse(token.Text, out _))
        {
            file.ReportUnknown(reader.Line.Number, token, "machine or instance", known);
        }

        return token.Text;
    }
}

/// <summary>What is sent to see whether it arrives.</summary>
internal enum Probe
{
    /// <summary>An ICMP echo request.</summary>
    Ping,

    /// <summary>A TCP connection.</summary>
    Tcp,

    /// <summary>A UDP datagram.</summary>
    Udp,
}

/// <summary>A VM got this address by DHCP.</summary>
internal sealed record LeaseExpectation(string Machine, IPAddress Address) : Expectation;

/// <summary>A probe arrives, or must not.</summary>
/// <param name="At">Where a server must see it, when the target is an address that is translated.</param>
/// <param name="SeenAs">The address the server must see the caller under.</param>
internal sealed record ReachExpectation(Probe Probe, string From, string To, ushort Port, string? At, IPAddress? SeenAs, bool Reached) : Expectation;

/// <summary>A machine has a link of this name, or must not.</summary>
internal sealed record LinkExpectation(string Machine, string Link, bool Present) : Expectation;

/// <summary>An interface is a port of a bridge.</summary>
internal sealed record PortExpectation(string Machine, string Bridge, string Interface) : Expectation;

/// <summary>The front-end lists an instance with this private address.</summary>
internal sealed record InstanceExpectation(string Instance, IPAddress Address) : Expectation;

/// <summary>A command is refused, and the reason says this.</summary>
internal sealed record RefusedExpectation(string Reason, string[] Words, string? Node) : Expectation;
