using System.Globalization;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>The options of a TUN or TAP device, in the order of <c>ip -d link show</c>.</summary>
internal static class TunShown
{
    public static OptionList Of(TunOptions tun) => new OptionList()
        .Add("type", tun.Type == 2 ? "tap" : "tun")
        .Add("pi", tun.PacketInformation)
        .Add("vnet_hdr", tun.VirtualNetworkHeader)
        .AddWith("multi_queue", tun.MultiQueue, tun.MultiQueue == true ? "multi_queue" : null)
        .Add("numqueues", KernelView.Value(tun.Queues))
        .Add("numdisabled", KernelView.Value(tun.DisabledQueues))
        .Add("persist", tun.Persistent)
        .Add("user", AccountName("/etc/passwd", tun.Owner))
        .Add("group", AccountName("/etc/group", tun.Group));

    // As ip does: the account's name, or its number where it has none.
    private static JsonNode? AccountName(string file, uint? id)
    {
        if (id is not { } number)
        {
            return null;
        }

        string text = number.ToString(CultureInfo.InvariantCulture);
        string? name = File.Exists(file) ? File.ReadLines(file).Select(line => line.Split(':')).FirstOrDefault(fields => fields.Length > 2 && fields[2] == text)?[0] : null;
        return name is null ? JsonValue.Create(number) : JsonValue.Create(name);
    }
}
