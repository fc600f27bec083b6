using System.Globalization;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel;

/// <summary>
/// What a simulated kernel holds of links, addresses, routes, rules, neighbours and parameters, as lines of text: two can be
/// compared, and one can be saved in a file and read again. (For a text that a kernel can be made from there is <see cref="SimulatedKernel.Save"/>.)
/// </summary>
public sealed class KernelSnapshot
{
    private readonly SortedSet<string> _lines;

    private KernelSnapshot(IEnumerable<string> lines) => _lines = new SortedSet<string>(lines, StringComparer.Ordinal);

    /// <summary>One line for each thing there is, in the order of their texts.</summary>
    public IReadOnlyCollection<string> Lines => _lines;

    /// <summary>What the kernel holds now; parameters only where they differ from those of a fresh namespace.</summary>
    public static KernelSnapshot Capture(SimulatedKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        using Time.SimulationQueue.Call call = kernel.Enter();
        return new KernelSnapshot([.. Links(kernel), .. Addresses(kernel), .. Routes(kernel), .. Rules(kernel), .. Neighbours(kernel), .. Parameters(kernel)]);
    }

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static KernelSnapshot Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new KernelSnapshot(text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    /// <summary>What came ("+ …") and what went ("- …") from this state to <paramref name="later"/>; empty where nothing did.</summary>
    public IReadOnlyList<string> DifferenceTo(KernelSnapshot later)
    {
        ArgumentNullException.ThrowIfNull(later);
        return [.. _lines.Except(later._lines).Select(static line => "- " + line), .. later._lines.Except(_lines).Select(static line => "+ " + line)];
    }

    /// <summary>The lines, each ended by a line feed.</summary>
    public override string ToString() => string.Concat(_lines.Select(static line => line + "\n"));

    private static IEnumerable<string> Links(SimulatedKernel kernel)
    {
        foreach (NetworkDevice device in kernel.Devices.All)
        {
            string kind = device.Kind.Length == 0 ? "" : $" kind {device.Kind}";
            string vlan = device.Vlan is { } tag ? $" vlan {tag.Id}" : "";
            string lower = device.Lower is { } below ? $" on {below.Name}" : "";
            string peer = device.Peer is { } other ? $" peer {other}" : "";
            string master = device.Master is { } bridge ? $" master {bridge.Name}" : "";
            string alias = device.Alias is { } text ? $" alias '{text}'" : "";
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"link {device.Name}{kind}{vlan}{lower}{peer}{master} mac {Convert.ToHexStringLower(device.HardwareAddress)} mtu {device.Mtu} {(device.IsUp ? "up" : "down")} {device.OperationalState}{alias}");
            if (device.Bridge is { } state)
            {
                foreach (ForwardingEntry entry in state.Database.Entries)
                {
                    yield return $"fdb {device.Name} {Convert.ToHexStringLower(entry.Mac)} vlan {entry.Vlan} {entry.Port?.Device.Name ?? device.Name}{(entry.IsLocal ? " local" : entry.IsStatic ? " static" : "")}";
                }
            }
        }
    }

    private static IEnumerable<string> Addresses(SimulatedKernel kernel) => kernel.Devices.All
        .SelectMany(device => kernel.Addresses.Of(device, InternetAddress.V4).Concat(kernel.Addresses.Of(device, InternetAddress.V6)))
        .Select(static address => $"address {address.Local}/{address.PrefixLength} dev {address.Device.Name} scope {address.Scope} flags {address.Flags:x}");

    private static IEnumerable<string> Routes(SimulatedKernel kernel) => kernel.Routes.All.SelectMany(static table => table.Routes).Select(static route =>
        $"route table {route.Table} {route.Destination}/{route.PrefixLength} type {route.Type} protocol {route.Protocol} metric {route.Priority}"
        + string.Concat(route.NextHops.Select(static hop => $"{(hop.Gateway is { } gateway ? $" via {gateway}" : "")} dev {hop.Device?.Name}")));

    private static IEnumerable<string> Rules(SimulatedKernel kernel) => kernel.Rules.Of(InternetAddress.V4).Concat(kernel.Rules.Of(InternetAddress.V6)).Select(static rule =>
        $"rule family {rule.Family} pref {rule.Priority} from {rule.Source?.ToString() ?? "all"} mark {rule.Mark:x} action {rule.Action} table {rule.Table}");

    private static IEnumerable<string> Neighbours(SimulatedKernel kernel) => kernel.Neighbours.All.Select(static neighbour =>
        $"neighbour {neighbour.Address} dev {neighbour.Device.Name} {Convert.ToHexStringLower(neighbour.HardwareAddress ?? [])} {neighbour.State}");

    private static IEnumerable<string> Parameters(SimulatedKernel kernel)
    {
        var fresh = new Dictionary<string, string>(DefaultParameters.All);
        return kernel.Parameters.All.Where(pair => fresh.TryGetValue(pair.Key, out string? value) && value != pair.Value).Select(static pair => $"parameter {pair.Key} = {pair.Value}");
    }
}
