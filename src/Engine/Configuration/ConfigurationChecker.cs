using System.Globalization;
using System.Net;

namespace EucaNet.Engine.Configuration;

/// <summary>Checks every key that a role and a mode use, and gathers all that is wrong.</summary>
internal sealed class ConfigurationChecker
{
    private static readonly string[] KnownKeys =
    [
        "VNET_MODE", "VNET_INTERFACE", "VNET_PUBINTERFACE", "VNET_PRIVINTERFACE", "VNET_BRIDGE", "VNET_DHCPDAEMON", "VNET_DHCPUSER",
        "VNET_SUBNET", "VNET_NETMASK", "VNET_BROADCAST", "VNET_ROUTER", "VNET_DNS", "VNET_MACMAP", "VNET_ADDRSPERNET", "VNET_PUBLICIPS",
        "VNET_FIREWALL", "VNET_FLUSH", "VNET_METADATA", "VNET_SINGLEMACHINE",
    ];

    private static readonly string[] Modes = ["SYSTEM", "STATIC", "MANAGED"];
    private static readonly string[] Firewalls = ["nftables", "iptables", "iptables-nft", "iptables-legacy"];

    private readonly string _file;
    private readonly EngineRole _role;
    private readonly ConfigurationText _text;
    private readonly IReadOnlyDictionary<string, string> _variables;
    private readonly Dictionary<string, Assignment> _values = new(StringComparer.Ordinal);
    private readonly List<ConfigurationDiagnostic> _diagnostics = [];
    private readonly HashSet<string> _unreadable = new(StringComparer.Ordinal);

    public ConfigurationChecker(string text, string file, EngineRole role, IReadOnlyDictionary<string, string> variables)
    {
        _file = file;
        _role = role;
        _variables = variables;
        _text = ConfigurationText.Read(text, variables);
    }

    public ConfigurationResult Check()
    {
        CheckText();
        NetworkConfiguration? configuration = ReadMode() is { } mode ? ReadKeys(mode) : null;
        ConfigurationDiagnostic[] found = [.. _diagnostics.OrderBy(d => d.Line == 0 ? int.MaxValue : d.Line).ThenBy(d => d.Column)];
        if (found.Any(d => d.Severity == DiagnosticSeverity.Error))
        {
            configuration = null;
        }

        return new ConfigurationResult(configuration, found, configuration is null ? null : CapacityReport.For(configuration));
    }

    private void CheckText()
    {
        foreach ((TextPosition position, string key) in _text.OpenQuotes)
        {
            Report(DiagnosticSeverity.Error, position, key, null, "the quote that opens here is never closed", "close it on the same line");
        }

        foreach (StrayWord word in _text.StrayWords)
        {
            if (word.AfterAssignment is { } before && before.Key.StartsWith("VNET_", StringComparison.Ordinal) && !word.Text.StartsWith("VNET_", StringComparison.Ordinal))
            {
                Report(DiagnosticSeverity.Error, word.Position, before.Key, word.Text, "stands behind the value, so it is not part of it",
                    $"put the whole list in quotes: {before.Key}=\"{before.Value} {word.Text}\"");
            }
            else if (word.Text.StartsWith("VNET_", StringComparison.Ordinal))
            {
                Report(DiagnosticSeverity.Error, word.Position, word.Text, null, "no value is given", $"write {word.Text}=\"…\"");
            }
        }

        foreach (Assignment spaced in _text.SpacedAssignments)
        {
            Report(DiagnosticSeverity.Warning, spaced.KeyPosition, spaced.Key, null, "spaces around '=': a shell that reads this file takes it for a command", $"write {spaced.Key}=\"{spaced.Value}\"");
        }

        foreach ((string name, TextPosition position, string key) in _text.UnknownVariables.Where(u => KnownKeys.Contains(u.Key)))
        {
            Report(DiagnosticSeverity.Error, position, key, $"${name}", "this variable is not set", name == "EUCALYPTUS" ? "set EUCALYPTUS=\"/…\" above, or in the environment" : "write the value itself");
        }

        foreach (Assignment assignment in _text.Assignments)
        {
            if (!assignment.Key.StartsWith("VNET_", StringComparison.Ordinal))
            {
                continue;
            }

            if (assignment.Value.Contains('\n', StringComparison.Ordinal) && KnownKeys.FirstOrDefault(k => assignment.Value.Contains(k + "=", StringComparison.Ordinal)) is { } swallowed)
            {
                Report(DiagnosticSeverity.Error, assignment.ValueStart, assignment.Key, assignment.Value.Split('\n')[0], $"its quote is not closed on this line, so the value goes on and swallows {swallowed}",
                    $"write {assignment.Key}=\"{assignment.Value.Split('\n')[0].Trim()}\"");
                _unreadable.Add(assignment.Key);
            }
            else if (!KnownKeys.Contains(assignment.Key))
            {
                string? near = NearestName.Find(assignment.Key, KnownKeys);
                Report(DiagnosticSeverity.Warning, assignment.KeyPosition, assignment.Key, null, "unknown key, ignored", near is null ? null : $"did you mean {near}?");
            }
            else if (_values.TryAdd(assignment.Key, assignment))
            {
            }
            else if (_values[assignment.Key].Value != assignment.Value)
            {
                Report(DiagnosticSeverity.Error, assignment.KeyPosition, assignment.Key, assignment.Value,
                    string.Create(CultureInfo.InvariantCulture, $"already given in line {_values[assignment.Key].KeyPosition.Line} with another value, \"{_values[assignment.Key].Value}\""), "keep one of the two");
            }
        }
    }

    private NetworkMode? ReadMode()
    {
        if (Required("VNET_MODE", "the network mode", "write VNET_MODE=\"SYSTEM\", \"STATIC\" or \"MANAGED\"") is not { } mode)
        {
            return null;
        }

        int index = Array.IndexOf(Modes, mode.Value);
        if (index >= 0)
        {
            return (NetworkMode)index;
        }

        string suggestion = mode.Value.StartsWith("MANAGED-", StringComparison.OrdinalIgnoreCase) ? "write \"MANAGED\"; later modes are not supported"
            : NearestName.Find(mode.Value, Modes) is { } near ? $"did you mean \"{near}\"?"
            : "write \"SYSTEM\", \"STATIC\" or \"MANAGED\"";
        Report(DiagnosticSeverity.Error, mode.ValueStart, mode.Key, mode.Value, "not a network mode (they are written in capitals)", suggestion);
        return null;
    }

    private NetworkConfiguration ReadKeys(NetworkMode mode)
    {
        var configuration = new NetworkConfiguration
        {
            Role = _role,
            Mode = mode,
            EucalyptusDirectory = (_text.Assignments.LastOrDefault(a => a.Key == "EUCALYPTUS")?.Value ?? _variables.GetValueOrDefault("EUCALYPTUS") ?? "").TrimEnd('/'),
        };
        configuration = configuration with { SingleMachine = ReadYesOrNo("VNET_SINGLEMACHINE") ?? _role == EngineRole.Both };
        configuration = (_role, mode) switch
        {
            (EngineRole.Node, NetworkMode.Managed) => ReadInterfaces(configuration, vlans: true),
            (EngineRole.Node, _) => configuration,
            (_, NetworkMode.System) => configuration with { Interface = OptionalInterface("VNET_INTERFACE") },
            (_, NetworkMode.Static) => ReadStatic(configuration),
            _ => ReadManaged(configuration),
        };
        return _role != EngineRole.FrontEnd && mode != NetworkMode.Managed ? configuration with { Bridge = ReadBridge() } : configuration;
    }

    private string ReadBridge()
    {
        if (Required("VNET_BRIDGE", "the bridge that instances are attached to", "write VNET_BRIDGE=\"xenbr0\", or whichever bridge 'brctl show' lists with the physical interface") is not { } bridge)
        {
            return "";
        }

        CheckInterfaceName(bridge, vlans: false);
        return bridge.Value;
    }

    private string OptionalInterface(string key)
    {
        if (!_values.TryGetValue(key, out Assignment? value) || value.Value.Length == 0)
        {
            return "";
        }

        CheckInterfaceName(value, vlans: false);
        return value.Value;
    }

    private NetworkConfiguration ReadInterfaces(NetworkConfiguration configuration, bool vlans)
    {
        bool both = _values.ContainsKey("VNET_PUBINTERFACE") && _values.ContainsKey("VNET_PRIVINTERFACE");
        bool privateAlone = _role == EngineRole.Node && _values.ContainsKey("VNET_PRIVINTERFACE");
        Assignment? common = both || privateAlone
            ? _values.GetValueOrDefault("VNET_INTERFACE")
            : Required("VNET_INTERFACE", "the interface on the local ethernet", "write VNET_INTERFACE=\"eth0\" with this machine's interface");
        Assignment? inner = _values.GetValueOrDefault("VNET_PRIVINTERFACE") ?? common;
        Assignment? outer = _values.GetValueOrDefault("VNET_PUBINTERFACE") ?? common;
        if (inner is not null)
        {
            CheckInterfaceName(inner, vlans);
        }

        if (outer is not null && !ReferenceEquals(outer, inner))
        {
            CheckInterfaceName(outer, vlans: false);
        }

        return configuration with { Interface = inner?.Value ?? "", PublicInterface = outer?.Value ?? "" };
    }

    private void CheckInterfaceName(Assignment name, bool vlans)
    {
        string value = name.Value;
        if (value.Length is 0 or > 15 || value is "." or ".." || value.Any(c => c is '/' or ':' || char.IsWhiteSpace(c) || char.IsControl(c)))
        {
            Report(DiagnosticSeverity.Error, name.ValueStart, name.Key, value, "not an interface name (1 to 15 characters without spaces, '/' and ':')", "write a name that 'ip link' lists");
        }
        else if (vlans && value.Length > 10)
        {
            Report(DiagnosticSeverity.Error, name.ValueStart, name.Key, value,
                $"too long: '{value}.4094', a VLAN on it, would have {value.Length + 5} characters and the kernel allows 15", "rename the interface to at most 10 characters (ip link set … name …)");
        }
    }

    private NetworkConfiguration ReadStatic(NetworkConfiguration configuration)
    {
        configuration = ReadInterfaces(configuration, vlans: false);
        var addresses = new AddressKeys(this);
        Ipv4Network? subnet = addresses.ReadSubnet();
        Ipv4Address broadcast = addresses.ReadInSubnet("VNET_BROADCAST", "the subnet's broadcast address", subnet, subnet?.Last);
        Ipv4Address router = addresses.ReadInSubnet("VNET_ROUTER", "the gateway's address", subnet, null);
        if (subnet is { } known && !broadcast.IsUnknown && known.Contains(broadcast) && broadcast != known.Last)
        {
            Report(DiagnosticSeverity.Error, _values["VNET_BROADCAST"].ValueStart, "VNET_BROADCAST", broadcast.ToString(), $"not the broadcast address of {known}", $"write \"{known.Last}\"");
        }

        if (subnet is { PrefixLength: < 31 } net && (router == net.Address || router == net.Last))
        {
            Report(DiagnosticSeverity.Error, _values["VNET_ROUTER"].ValueStart, "VNET_ROUTER", router.ToString(), $"is the {(router == net.Address ? "network" : "broadcast")} address of {net}", "write the gateway's own address");
        }

        return configuration with
        {
            Subnet = subnet ?? default,
            Broadcast = broadcast,
            Router = router,
            DnsServers = addresses.ReadDns(),
            MacMap = addresses.ReadMacMap(subnet, router),
            DhcpDaemon = ReadDaemon(),
            DhcpUser = ReadUser(),
        };
    }

    private NetworkConfiguration ReadManaged(NetworkConfiguration configuration)
    {
        configuration = ReadInterfaces(configuration, vlans: true);
        var addresses = new AddressKeys(this);
        Ipv4Network? subnet = addresses.ReadSubnet();
        return configuration with
        {
            Subnet = subnet ?? default,
            DnsServers = addresses.ReadDns(),
            AddressesPerNetwork = addresses.ReadAddressesPerNetwork(subnet),
            PublicAddresses = addresses.ReadPublicAddresses(subnet),
            DhcpDaemon = ReadDaemon(),
            DhcpUser = ReadUser(),
            Firewall = ReadFirewall(),
            Flush = ReadYesOrNo("VNET_FLUSH"),
            Metadata = ReadMetadata(),
        };
    }

    private string? ReadText(string key) => _values.TryGetValue(key, out Assignment? value) && value.Value.Length > 0 ? value.Value : null;

    private string? ReadDaemon()
    {
        if (ReadText("VNET_DHCPDAEMON") is not { } path)
        {
            return null;
        }

        if (!path.StartsWith('/'))
        {
            Assignment value = _values["VNET_DHCPDAEMON"];
            Report(DiagnosticSeverity.Error, value.ValueStart, value.Key, path, "not an absolute path", "write where the daemon is, as \"/usr/sbin/dhcpd\", or leave the key out for the built-in server");
        }

        return path;
    }

    private string? ReadUser()
    {
        if (ReadText("VNET_DHCPUSER") is { } user && (user.Length > 32 || user.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c is ':' or '/' or ',')))
        {
            Assignment value = _values["VNET_DHCPUSER"];
            Report(DiagnosticSeverity.Error, value.ValueStart, value.Key, user, "not a user's name", "write a name that /etc/passwd has, as \"dhcpd\", or leave the key out where the daemon runs as root");
        }

        return ReadText("VNET_DHCPUSER");
    }

    private FirewallBackend ReadFirewall()
    {
        if (!_values.TryGetValue("VNET_FIREWALL", out Assignment? value) || value.Value.Length == 0)
        {
            return FirewallBackend.Nftables;
        }

        int index = Array.IndexOf(Firewalls, value.Value);
        if (index < 0)
        {
            string? near = NearestName.Find(value.Value, Firewalls);
            Report(DiagnosticSeverity.Error, value.ValueStart, value.Key, value.Value, "not a packet filter", near is null ? "write one of " + string.Join(", ", Firewalls) : $"did you mean \"{near}\"?");
        }

        return (FirewallBackend)Math.Max(index, 0);
    }

    private bool? ReadYesOrNo(string key)
    {
        if (!_values.TryGetValue(key, out Assignment? value) || value.Value.Length == 0)
        {
            return null;
        }

        switch (value.Value.ToUpperInvariant())
        {
            case "Y" or "YES" or "1" or "TRUE":
                return true;
            case "N" or "NO" or "0" or "FALSE":
                return false;
            default:
                Report(DiagnosticSeverity.Error, value.ValueStart, value.Key, value.Value, "neither yes nor no", "write \"Y\" or \"N\"");
                return null;
        }
    }

    private IPEndPoint? ReadMetadata()
    {
        if (!_values.TryGetValue("VNET_METADATA", out Assignment? value) || value.Value.Length == 0)
        {
            return null;
        }

        string[] parts = value.Value.Split(':');
        int port = 8773;
        if (parts.Length > 2 || !Ipv4Address.TryParse(parts[0], out Ipv4Address address) || address.IsUnknown
            || (parts.Length == 2 && (!int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is 0 or > 65535)))
        {
            Report(DiagnosticSeverity.Error, value.ValueStart, value.Key, value.Value, "not an address and port", "write \"a.b.c.d:8773\", the metadata service's address and TCP port");
            return null;
        }

        return new IPEndPoint(new IPAddress(address.ToBytes()), port);
    }

    /// <summary>The assignment of a key that must be there; reports it when it is missing or empty.</summary>
    internal Assignment? Required(string key, string meaning, string suggestion)
    {
        if (_values.TryGetValue(key, out Assignment? value))
        {
            if (value.Value.Trim().Length > 0)
            {
                return value;
            }

            Report(DiagnosticSeverity.Error, value.KeyPosition, key, "", $"is empty; it must name {meaning}", suggestion);
        }
        else if (!_unreadable.Contains(key) && !_text.StrayWords.Any(w => w.Text == key))
        {
            string where = _role switch { EngineRole.FrontEnd => "front-end", EngineRole.Node => "node", _ => "machine that is front-end and node" };
            string mode = _values.TryGetValue("VNET_MODE", out Assignment? m) && key != "VNET_MODE" ? $" in {m.Value} mode" : "";
            Report(DiagnosticSeverity.Error, default, key, null, $"is missing; a {where}{mode} needs it: {meaning}", suggestion);
        }

        return null;
    }

    /// <summary>The assignment of a key that may be there.</summary>
    internal Assignment? Optional(string key) => _values.GetValueOrDefault(key);

    /// <summary>Notes a finding.</summary>
    internal void Report(DiagnosticSeverity severity, TextPosition position, string key, string? value, string reason, string? suggestion) =>
        _diagnostics.Add(new ConfigurationDiagnostic
        {
            Severity = severity,
            File = _file,
            Line = position.Line,
            Column = position.Column,
            Key = key,
            Value = value,
            Reason = reason,
            Suggestion = suggestion,
        });
}
