using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;

namespace EucaNet.Cli;

/// <summary>The options of a VLAN device, in the order of <c>ip -d link show</c>.</summary>
internal static class VlanShown
{
    private static readonly (uint Flag, string Name)[] Flags =
    [
        (LinkConstants.VLAN_FLAG_REORDER_HDR, "REORDER_HDR"), (LinkConstants.VLAN_FLAG_GVRP, "GVRP"), (LinkConstants.VLAN_FLAG_MVRP, "MVRP"),
        (LinkConstants.VLAN_FLAG_LOOSE_BINDING, "LOOSE_BINDING"), (LinkConstants.VLAN_FLAG_BRIDGE_BINDING, "BRIDGE_BINDING"),
    ];

    public static OptionList Of(VlanOptions vlan)
    {
        string[] flags = [.. Flags.Where(pair => vlan.FlagChange is { } change && (change.Flags & pair.Flag) != 0).Select(pair => pair.Name)];
        return new OptionList()
            .Add("protocol", Protocol(vlan.Protocol))
            .Add("id", KernelView.Value(vlan.Id))
            .AddWith("flags", vlan.FlagChange is null ? null : new JsonArray([.. flags.Select(name => (JsonNode)name)]), flags.Length == 0 ? null : $"<{string.Join(',', flags)}>")
            .AddWith("ingress_qos", Map(vlan.IngressQos), Words("ingress-qos-map", vlan.IngressQos))
            .AddWith("egress_qos", Map(vlan.EgressQos), Words("egress-qos-map", vlan.EgressQos));
    }

    /// <summary>A protocol of VLAN tags by its name.</summary>
    public static string? Protocol(ushort? type) => type switch { null => null, 0x8100 => "802.1Q", 0x88a8 => "802.1ad", { } other => $"0x{other:x}" };

    private static JsonArray? Map(EquatableList<VlanQosMapping>? map) =>
        map is null ? null : new JsonArray([.. map.Select(pair => (JsonNode)new JsonObject { ["from"] = pair.From, ["to"] = pair.To })]);

    // A line of its own.
    private static string? Words(string label, EquatableList<VlanQosMapping>? map) =>
        map is null ? null : $"\n      {label} {{ {string.Concat(map.Select(pair => $"{pair.From}:{pair.To} "))}}}";
}
