using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;

namespace EucaNet.Cli;

/// <summary>The options of a macvlan or macvtap device, in the order of <c>ip -d link show</c>.</summary>
internal static class MacvlanShown
{
    public static OptionList Of(MacvlanOptions macvlan)
    {
        string[] sources = macvlan.Addresses is { } list ? [.. Sources(list)] : [];
        string? count = macvlan.AddressCount is { } number and not 0 ? $"remotes ({number})" : null;
        return new OptionList()
            .Add("mode", macvlan.Mode is MacvlanMode.PassThrough ? "passthru" : macvlan.Mode?.ToString().ToLowerInvariant())
            .AddWith("nopromisc", ((macvlan.Options ?? 0) & LinkConstants.MACVLAN_FLAG_NOPROMISC) != 0 ? true : null, "nopromisc")
            .Add("bcqueuelen", KernelView.Value(macvlan.BroadcastQueueLength))
            .Add("usedbcqueuelen", KernelView.Value(macvlan.BroadcastQueueLengthUsed))
            .AddWith("macaddr_count", count is null ? null : KernelView.Value(macvlan.AddressCount), count)
            .AddWith("macaddr_data", sources.Length == 0 ? null : new JsonArray([.. sources.Select(source => (JsonNode)source)]), string.Join(' ', sources));
    }

    private static List<string> Sources(Octets attributes)
    {
        var list = new List<string>();
        var reader = new AttributeReader(attributes.Span);
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == LinkConstants.IFLA_MACVLAN_MACADDR && attribute.Value.Length == 6)
            {
                list.Add(new HardwareAddress(attribute.Value).ToString());
            }
        }

        return list;
    }
}
