using EucaNet.Engine.Configuration;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Configuration;

/// <summary>The samples are the manual's (eucalyptus-network-manual.txt), printed as it prints them.</summary>
public class ConfigurationTests
{
    private const string ManagedTail = " VNET_INTERFACE=\"eth0\" VNET_DNS=\"192.168.7.2\"";

    private static ConfigurationResult FrontEnd(string text) => NetworkConfiguration.Parse(text, "eucalyptus.conf", EngineRole.FrontEnd);

    private static ConfigurationResult ForNode(string text) => NetworkConfiguration.Parse(text, "eucalyptus.conf", EngineRole.Node);

    private static string[] Errors(ConfigurationResult result) =>
        [.. result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).Select(d => $"{d.Line}:{d.Column} {d.Key} {d.Value}: {d.Reason}")];

    [Test]
    public void The_manuals_first_managed_sample_works_with_128_addresses_a_network()
    {
        ConfigurationResult result = FrontEnd("VNET_MODE=\"MANAGED\" VNET_SUBNET=\"10.0.0.0\" VNET_NETMASK=\"255.0.0.0\" VNET_ADDRSPERNET=\"128\"" + ManagedTail);
        Assert.That(Errors(result), Is.Empty);
        Assert.That(result.Configuration!.Subnet.ToString(), Is.EqualTo("10.0.0.0/8"));
        Assert.That(result.Capacity!.Networks, Is.EqualTo(131072));
        Assert.That(result.Capacity.ActiveNetworks, Is.EqualTo(4085));
    }

    [TestCase(64, 1024, 61)]
    [TestCase(256, 256, 253)]
    public void The_capacity_is_what_the_manual_reckons(int addresses, int networks, int instances)
    {
        ConfigurationResult result = FrontEnd($"VNET_MODE=\"MANAGED\" VNET_SUBNET=\"192.168.0.0\" VNET_NETMASK=\"255.255.0.0\" VNET_ADDRSPERNET=\"{addresses}\"" + ManagedTail);
        Assert.That(result.Capacity!.Networks, Is.EqualTo(networks));
        Assert.That(result.Capacity.InstancesPerNetwork, Is.EqualTo(instances));
    }

    [Test]
    public void The_manuals_static_sample_holds_a_MAC_of_five_octets_which_is_named()
    {
        ConfigurationResult result = FrontEnd("""
            VNET_MODE="STATIC"
            VNET_INTERFACE="eth0"
            VNET_DHCPDAEMON="/usr/sbin/dhcpd3"
            VNET_SUBNET="192.168.1.0" VNET_NETMASK="255.255.255.0" VNET_BROADCAST="192.168.1.255" VNET_ROUTER="192.168.1.1" VNET_DNS="192.168.1.2"
            VNET_MACMAP="AA:DD:11:CE:FF:ED=192.168.1.3 AA:DD:CE:FF:EE=192.168.1.4"
            """);
        Assert.That(Errors(result), Is.EqualTo(new[] { "5:44 VNET_MACMAP AA:DD:CE:FF:EE: not a MAC: it has 5 octets, a MAC has six" }));
        Assert.That(result.Configuration, Is.Null);
    }

    [Test]
    public void Everything_wrong_is_reported_at_once_in_file_order()
    {
        ConfigurationResult result = FrontEnd("""
            VNET_MODE="MANAGED"
            VNET_INTERFACE="enp0s31f6x9"
            VNET_SUBNET="192.168.1.0"
            VNET_NETMASK="255.255.0.0"
            VNET_DNS="<your DNS>"
            VNET_ADDRSPERNET="48"
            VNET_PUBLICIPS="10.1.1.1 192.168.4.4 10.1.1.9-10.1.1.3 10.1.1.300"
            """);
        Assert.That(result.Diagnostics.Select(d => (d.Line, d.Key, d.Value)), Is.EqualTo(new (int, string, string?)[]
        {
            (2, "VNET_INTERFACE", "enp0s31f6x9"),
            (3, "VNET_SUBNET", "192.168.1.0"),
            (5, "VNET_DNS", "<your"),
            (5, "VNET_DNS", "DNS>"),
            (6, "VNET_ADDRSPERNET", "48"),
            (7, "VNET_PUBLICIPS", "192.168.4.4"),
            (7, "VNET_PUBLICIPS", "10.1.1.9-10.1.1.3"),
            (7, "VNET_PUBLICIPS", "10.1.1.300"),
        }));
        Assert.That(result.Diagnostics, Has.All.Matches<ConfigurationDiagnostic>(d => d.Suggestion is not null));
    }

    [Test]
    public void Only_the_keys_of_the_role_and_mode_are_required()
    {
        Assert.Multiple(() =>
        {
            Assert.That(FrontEnd("VNET_MODE=\"SYSTEM\"").IsUsable);
            Assert.That(ForNode("VNET_MODE=\"SYSTEM\" VNET_BRIDGE=\"xenbr0\"").IsUsable);
            Assert.That(ForNode("VNET_MODE=\"STATIC\" VNET_BRIDGE=\"eth0\"").IsUsable);
            Assert.That(ForNode("VNET_MODE=\"MANAGED\" VNET_INTERFACE=\"peth0\"").IsUsable);
            Assert.That(ForNode("VNET_MODE=\"SYSTEM\"").Diagnostics.Single().Key, Is.EqualTo("VNET_BRIDGE"));
            Assert.That(FrontEnd("VNET_MODE=\"STATIC\"").Diagnostics.Select(d => d.Key), Is.EquivalentTo(new[]
            {
                "VNET_INTERFACE", "VNET_SUBNET", "VNET_NETMASK", "VNET_BROADCAST", "VNET_ROUTER", "VNET_DNS", "VNET_MACMAP",
            }));
            Assert.That(FrontEnd("VNET_MODE=\"MANAGED\"").Diagnostics.Select(d => d.Key), Is.EquivalentTo(new[]
            {
                "VNET_INTERFACE", "VNET_SUBNET", "VNET_NETMASK", "VNET_DNS", "VNET_ADDRSPERNET",
            }));
        });
    }

    [Test]
    public void A_key_of_the_other_role_is_ignored_whatever_it_says()
    {
        Assert.That(FrontEnd("VNET_MODE=SYSTEM VNET_BRIDGE='a bridge with a much too long name'").Diagnostics, Is.Empty);
    }

    [Test]
    public void Quotes_comments_tabs_continuations_and_the_Eucalyptus_variable_are_read_as_a_shell_reads_them()
    {
        ConfigurationResult result = FrontEnd("""
            # a comment with VNET_MODE="SYSTEM"
            EUCALYPTUS="/opt/eucalyptus"   # another
            export OTHER=$HOME/thing NC_PORT=8775
            VNET_MODE='MANAGED'; VNET_INTERFACE=eth0
            VNET_DHCPDAEMON="$EUCALYPTUS/sbin/dhcpd" VNET_DNS="10.0.0.9"
            VNET_SUBNET="192.168.0.0" \
              VNET_NETMASK="255.255.0.0" VNET_ADDRSPERNET=64
            VNET_PUBLICIPS="10.1.1.1	10.1.1.3-10.1.1.5
                            10.2.0.0/30 !10.1.1.4"
            """);
        Assert.That(result.Diagnostics, Is.Empty);
        NetworkConfiguration configuration = result.Configuration!;
        Assert.Multiple(() =>
        {
            Assert.That(configuration.DhcpDaemon, Is.EqualTo("/opt/eucalyptus/sbin/dhcpd"));
            Assert.That(configuration.NetworkDirectory, Is.EqualTo("/opt/eucalyptus/var/run/eucalyptus/net"));
            Assert.That(string.Join(' ', configuration.PublicAddresses), Is.EqualTo("10.1.1.1 10.1.1.3 10.1.1.5 10.2.0.1 10.2.0.2"));
        });
    }

    [Test]
    public void An_unknown_key_of_ours_warns_with_the_nearest_name_and_others_are_silent()
    {
        ConfigurationResult result = FrontEnd("VNET_MODE=SYSTEM\nVNET_ADDRPERNET=64\nCLOUD_OPTS=1\nSCHEDPOLICY=\"ROUNDROBIN\"");
        ConfigurationDiagnostic warning = result.Diagnostics.Single();
        Assert.That(warning.ToString(), Is.EqualTo("eucalyptus.conf:2:1: warning: VNET_ADDRPERNET: unknown key, ignored; did you mean VNET_ADDRSPERNET?"));
        Assert.That(result.IsUsable);
    }

    [Test]
    public void A_key_given_twice_with_different_values_is_an_error_and_with_the_same_is_not()
    {
        Assert.That(FrontEnd("VNET_MODE=SYSTEM\nVNET_MODE=SYSTEM").Diagnostics, Is.Empty);
        Assert.That(Errors(FrontEnd("VNET_MODE=SYSTEM\nVNET_MODE=STATIC")), Is.EqualTo(new[] { "2:1 VNET_MODE STATIC: already given in line 1 with another value, \"SYSTEM\"" }));
    }

    [TestCase("managed", "did you mean \"MANAGED\"?")]
    [TestCase("STATC", "did you mean \"STATIC\"?")]
    [TestCase("MANAGED-NOVLAN", "write \"MANAGED\"; later modes are not supported")]
    public void An_unknown_mode_is_named_with_what_was_probably_meant(string mode, string suggestion)
    {
        Assert.That(FrontEnd($"VNET_MODE={mode}").Diagnostics.Single().Suggestion, Is.EqualTo(suggestion));
    }

    [Test]
    public void An_open_quote_is_found_where_it_opens()
    {
        ConfigurationResult result = FrontEnd("VNET_MODE=\"SYSTEM\"\nVNET_DNS=\"1.2.3.4\n\n");
        Assert.That((result.Diagnostics[0].Line, result.Diagnostics[0].Column), Is.EqualTo((2, 10)));
    }

    [Test]
    public void A_list_without_quotes_is_an_error_that_shows_the_quotes()
    {
        ConfigurationResult result = FrontEnd("VNET_MODE=SYSTEM VNET_PUBLICIPS=10.0.0.1 10.0.0.2");
        Assert.That(result.Diagnostics.Single().Suggestion, Is.EqualTo("put the whole list in quotes: VNET_PUBLICIPS=\"10.0.0.1 10.0.0.2\""));
    }

    [TestCase("255.0.255.0")]
    [TestCase("0.255.0.0")]
    [TestCase("0.0.0.0")]
    public void A_mask_with_holes_is_refused(string mask)
    {
        ConfigurationResult result = FrontEnd($"VNET_MODE=\"MANAGED\" VNET_SUBNET=\"10.0.0.0\" VNET_NETMASK=\"{mask}\" VNET_ADDRSPERNET=\"8\"" + ManagedTail);
        Assert.That(result.Diagnostics.Single().Key, Is.EqualTo("VNET_NETMASK"));
    }

    [TestCase("AA:DD:11:CE:FF:ED=192.168.1.3 AA:DD:11:CE:FF:ED=192.168.1.4", "AA:DD:11:CE:FF:ED")]
    [TestCase("AA:DD:11:CE:FF:ED=192.168.1.3 AA:DD:11:CE:FF:EE=192.168.1.3", "192.168.1.3")]
    [TestCase("AB:DD:11:CE:FF:ED=192.168.1.3", "AB:DD:11:CE:FF:ED")]
    [TestCase("AA:DD:11:CE:FF:ED=192.168.2.3", "192.168.2.3")]
    [TestCase("AA:DD:11:CE:FF:ED=192.168.1.1", "192.168.1.1")]
    [TestCase("AA:DD:11:CE:FF:ED=192.168.1.255", "192.168.1.255")]
    [TestCase("AA:DD:11:CE:FF:ED", "AA:DD:11:CE:FF:ED")]
    public void A_pair_that_cannot_be_is_named(string map, string value)
    {
        ConfigurationResult result = FrontEnd($"""
            VNET_MODE="STATIC" VNET_INTERFACE="eth0" VNET_SUBNET="192.168.1.0" VNET_NETMASK="255.255.255.0" VNET_BROADCAST="192.168.1.255"
            VNET_ROUTER="192.168.1.1" VNET_DNS="192.168.1.2" VNET_MACMAP="{map}"
            """);
        Assert.That(result.Diagnostics.Single().Value, Is.EqualTo(value));
    }

    [Test]
    public void The_packet_filter_the_flush_and_the_metadata_address_are_read()
    {
        ConfigurationResult result = FrontEnd("VNET_MODE=\"MANAGED\" VNET_SUBNET=\"10.0.0.0\" VNET_NETMASK=\"255.0.0.0\" VNET_ADDRSPERNET=\"8\" VNET_FIREWALL=iptables-legacy VNET_FLUSH=Y VNET_METADATA=192.0.2.7:8773" + ManagedTail);
        Assert.That(result.Diagnostics, Is.Empty);
        Assert.That((result.Configuration!.Firewall, result.Configuration.Flush, result.Configuration.Metadata!.ToString()), Is.EqualTo((FirewallBackend.IptablesLegacy, (bool?)true, "192.0.2.7:8773")));
    }

    [TestCase("VNET_DNS=\"10.0.0.2\"", "VNET_DNS=\"127.0.0.1\"", "is no address that instances could ask")]
    [TestCase("VNET_DNS=\"10.0.0.2\"", "VNET_DNS=\"0.0.0.0\"", "is no address that instances could ask")]
    [TestCase("192.168.0.0", "224.0.0.0", "is no network of hosts")]
    [TestCase("192.168.0.0", "127.0.0.0", "is no network of hosts")]
    [TestCase("VNET_DNS", "VNET_DHCPUSER=\"no such user\" VNET_DNS", "not a user's name")]
    [TestCase("VNET_MODE=\"MANAGED\"", "VNET_MODE=\"MANAGED\n", "swallows VNET_INTERFACE")]
    [TestCase("VNET_DNS", "VNET_SINGLEMACHINE=maybe VNET_DNS", "neither yes nor no")]
    public void What_could_never_work_is_named_where_it_stands(string right, string wrong, string reason)
    {
        const string Text = "VNET_MODE=\"MANAGED\" VNET_INTERFACE=\"eth0\" VNET_SUBNET=\"192.168.0.0\" VNET_NETMASK=\"255.255.0.0\" VNET_DNS=\"10.0.0.2\" VNET_ADDRSPERNET=\"64\"";
        Assert.That(FrontEnd(Text).IsUsable);
        ConfigurationResult result = FrontEnd(Text.Replace(right, wrong, StringComparison.Ordinal));
        ConfigurationDiagnostic found = result.Diagnostics.First(d => d.Reason.Contains(reason, StringComparison.Ordinal));
        Assert.That(found.Line, Is.EqualTo(1));
        Assert.That(found.Column, Is.GreaterThan(1));
        Assert.That(found.Suggestion, Is.Not.Null);
    }

    [Test]
    public void A_machine_that_is_both_needs_the_keys_of_both_and_each_missing_one_is_named_once()
    {
        ConfigurationResult both = NetworkConfiguration.Parse("VNET_MODE=STATIC VNET_INTERFACE=eth0", "eucalyptus.conf", EngineRole.Both);
        Assert.That(both.Diagnostics.Select(d => d.Key), Is.Unique.And.Contains("VNET_BRIDGE").And.Contains("VNET_SUBNET"));
        NetworkConfiguration managed = NetworkConfiguration.Parse("VNET_MODE=MANAGED VNET_INTERFACE=eth0 VNET_SUBNET=192.168.0.0 VNET_NETMASK=255.255.0.0 VNET_DNS=10.0.0.2 VNET_ADDRSPERNET=64", "eucalyptus.conf", EngineRole.Both).Configuration!;
        Assert.That((managed.SingleMachine, managed.Role), Is.EqualTo((true, EngineRole.Both)));
    }
}
