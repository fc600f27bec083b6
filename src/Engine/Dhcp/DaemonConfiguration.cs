using System.Globalization;
using System.Text;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Dhcp;

/// <summary>Writes <c>euca-dhcp.conf</c> in the words of ISC dhcpd 3.0: a subnet for each interface, a fixed address for each instance, no ranges.</summary>
internal static class DaemonConfiguration
{
    public static string Format(IEnumerable<DhcpScope> scopes)
    {
        var text = new StringBuilder();
        text.Append("# Written by EucaNet; changes are overwritten.\n");
        DhcpScope[] all = [.. scopes.OrderBy(s => s.Network.Address)];
        string lease = ((int)(all.Length > 0 ? all[0].LeaseTime : TimeSpan.FromMinutes(20)).TotalSeconds).ToString(CultureInfo.InvariantCulture);
        text.Append("default-lease-time ").Append(lease).Append(";\nmax-lease-time ").Append(lease).Append(";\nddns-update-style none;\nauthoritative;\n");
        foreach (DhcpScope scope in all)
        {
            text.Append(CultureInfo.InvariantCulture, $"\nsubnet {scope.Network.Address} netmask {scope.Network.Netmask} {{\n");
            text.Append(CultureInfo.InvariantCulture, $"  option subnet-mask {scope.Network.Netmask};\n  option broadcast-address {scope.Broadcast};\n");
            if (scope.DnsServers.Count > 0)
            {
                text.Append("  option domain-name-servers ").AppendJoin(", ", scope.DnsServers).Append(";\n");
            }

            if (!scope.Router.IsUnknown)
            {
                text.Append(CultureInfo.InvariantCulture, $"  option routers {scope.Router};\n");
            }

            text.Append("}\n");
            foreach ((MacAddress mac, Ipv4Address address) in scope.Hosts())
            {
                text.Append(CultureInfo.InvariantCulture, $"host node-{address} {{ hardware ethernet {mac}; fixed-address {address}; }}\n");
            }
        }

        return text.ToString();
    }
}
