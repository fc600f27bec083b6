using System.Globalization;
using System.Text;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Fabric;

/// <summary>
/// Draws a cloud as SVG: switches as bars on top, machines below them with their interfaces, bridges, VLANs and addresses,
/// the VMs of each machine under it in the colour of their bridge. The same cloud gives the same text.
/// </summary>
public static class TopologyDrawing
{
    private const int ColumnWidth = 260, Gap = 30, LineHeight = 17, SwitchHeight = 26, MachineHeight = 46, Margin = 24;

    private static readonly string[] SwitchColours = ["#3b4a6b", "#a0522d", "#2e7d32", "#6a1b9a"];
    private static readonly string[] Colours = ["#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759", "#76b7b2", "#9c755f", "#d37295"];

    /// <summary>The whole drawing as an SVG document.</summary>
    public static string ToSvg(SimulatedCloud cloud)
    {
        ArgumentNullException.ThrowIfNull(cloud);
        List<Column> columns = [.. cloud.Hosts.Where(static host => host is not VirtualMachine).Select((host, index) => new Column(host, Margin + index * (ColumnWidth + Gap)))];
        int switchesHeight = cloud.Switches.Count * (SwitchHeight + 24);
        int top = Margin + switchesHeight + 10;
        int tallest = columns.Count == 0 ? 0 : columns.Max(static column => column.Lines.Count * LineHeight + 44);
        int machinesTop = top + tallest + 50;
        int mostMachines = columns.Count == 0 ? 0 : columns.Max(column => cloud.VirtualMachines.Count(machine => machine.Node == column.Host));
        int width = Math.Max(320, Margin * 2 + columns.Count * (ColumnWidth + Gap) - Gap);
        int height = machinesTop + mostMachines * (MachineHeight + 14) + Margin;

        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture,
            $"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="12">""").Append('\n');
        svg.Append("""<rect width="100%" height="100%" fill="#ffffff"/>""").Append('\n');
        var cables = new StringBuilder();
        for (int i = 0; i < cloud.Switches.Count; i++)
        {
            cables.Append(DrawSwitch(svg, cloud, cloud.Switches[i], SwitchColours[i % SwitchColours.Length], Margin + i * (SwitchHeight + 24), columns, top));
        }

        svg.Append(cables);

        foreach (Column column in columns)
        {
            DrawHost(svg, column, top);
            DrawDirectCables(svg, cloud, column, columns, top);
            int y = machinesTop;
            foreach (VirtualMachine machine in cloud.VirtualMachines.Where(machine => machine.Node == column.Host))
            {
                DrawMachine(svg, column, machine, y, top + column.Lines.Count * LineHeight + 44);
                y += MachineHeight + 14;
            }
        }

        return svg.Append("</svg>\n").ToString();
    }

    // The cables are returned, to be drawn when all switches are.
    private static string DrawSwitch(StringBuilder svg, SimulatedCloud cloud, NetworkSwitch networkSwitch, string colour, int y, List<Column> columns, int hostsTop)
    {
        int left = int.MaxValue, right = 0;
        var lines = new StringBuilder();
        foreach (Cable cable in cloud.Cables)
        {
            if (CardOn(cable, networkSwitch) is not { } card || columns.Find(column => column.Host == card.Host) is not { } column)
            {
                continue;
            }

            int x = column.CardX(card);
            left = Math.Min(left, x);
            right = Math.Max(right, x);
            SwitchPort port = cable.First as SwitchPort ?? (SwitchPort)cable.Second;
            string look = !cable.IsPlugged ? "stroke=\"#cc0000\" stroke-dasharray=\"3 4\"" : port.DropsTaggedFrames ? "stroke=\"#cc7700\" stroke-dasharray=\"8 3\"" : $"stroke=\"{colour}\"";
            Line(lines, x, y + SwitchHeight, x, hostsTop, look + " stroke-width=\"2\"");
            lines.Append(CultureInfo.InvariantCulture, $"""<circle cx="{x}" cy="{y + SwitchHeight}" r="4" fill="{colour}"/>""").Append('\n');
            Text(lines, x + 5, hostsTop - 6, card.InterfaceName + (cable.IsPlugged ? port.DropsTaggedFrames ? " (no tagged frames)" : "" : " (unplugged)"), $"fill=\"{colour}\" font-size=\"11\"");
        }

        left = left == int.MaxValue ? Margin : left - 50;
        right = right == 0 ? Margin + 200 : right + 50;

        // A cable that passes another switch on its way goes over it in the colour of its own, and ends there in a dot.
        Box(svg, left, y, right - left, SwitchHeight, $"fill=\"#eef1f5\" stroke=\"{colour}\" stroke-width=\"2\"");
        Text(svg, left + 10, y + 17, networkSwitch.Name, $"font-weight=\"bold\" fill=\"{colour}\"");
        return lines.ToString();
    }

    private static void DrawHost(StringBuilder svg, Column column, int top)
    {
        Box(svg, column.X, top, ColumnWidth, column.Lines.Count * LineHeight + 44, "fill=\"#f8f8f4\" stroke=\"#333333\"");
        Text(svg, column.X + 10, top + 22, column.Host.Name, "font-weight=\"bold\" font-size=\"14\"");
        int y = top + 44;
        foreach ((string text, string colour) in column.Lines)
        {
            Text(svg, column.X + 10, y, text, $"fill=\"{colour}\"");
            y += LineHeight;
        }
    }

    private static void DrawDirectCables(StringBuilder svg, SimulatedCloud cloud, Column column, List<Column> columns, int top)
    {
        foreach (Cable cable in cloud.Cables)
        {
            if (cable.First is NetworkCard first && cable.Second is NetworkCard second && first.Host == column.Host
                && columns.Find(other => other.Host == second.Host) is { } target)
            {
                int from = column.CardX(first), to = target.CardX(second);
                svg.Append(CultureInfo.InvariantCulture, $"""<path d="M{from} {top} C{from} {top - 30} {to} {top - 30} {to} {top}" fill="none" stroke="#555555" stroke-width="2"/>""").Append('\n');
                Text(svg, from + 5, top - 6, first.InterfaceName, "fill=\"#555555\" font-size=\"11\"");
                Text(svg, to + 5, top - 6, second.InterfaceName, "fill=\"#555555\" font-size=\"11\"");
            }
        }
    }

    private static void DrawMachine(StringBuilder svg, Column column, VirtualMachine machine, int y, int hostBottom)
    {
        NetworkDevice? device = machine.Node.Kernel.Devices.Find(machine.InterfaceName);
        string colour = Colour(device?.Master);
        int x = column.X + 40;
        svg.Append(CultureInfo.InvariantCulture,
            $"""<path d="M{column.X + 16} {hostBottom} V{y + MachineHeight / 2} H{x}" fill="none" stroke="{colour}" stroke-width="2"/>""").Append('\n');
        Box(svg, x, y, ColumnWidth - 40, MachineHeight, $"fill=\"#ffffff\" stroke=\"{colour}\" stroke-width=\"2\"");
        Text(svg, x + 10, y + 19, machine.Name, "font-weight=\"bold\"");
        string bridge = device?.Master is { } master ? $" in {master.Name}" : "";
        Text(svg, x + 10, y + 36, $"{Addresses(machine.Interface.Device, "no address")}  {machine.InterfaceName}{bridge}", $"fill=\"{colour}\" font-size=\"11\"");
    }

    private static NetworkCard? CardOn(Cable cable, NetworkSwitch networkSwitch) =>
        cable.First is NetworkCard first && cable.Second is SwitchPort second && second.Switch == networkSwitch ? first
        : cable.Second is NetworkCard other && cable.First is SwitchPort port && port.Switch == networkSwitch ? other
        : null;

    private static string Colour(NetworkDevice? bridge)
    {
        if (bridge is null)
        {
            return "#999999";
        }

        uint hash = 2166136261;
        foreach (char letter in bridge.Name)
        {
            hash = (hash ^ letter) * 16777619;
        }

        // Bridges that end in a number (eucabr10, eucabr11) get neighbouring colours, so that few of them differ for sure.
        string digits = new([.. bridge.Name.Reverse().TakeWhile(char.IsAsciiDigit).Reverse()]);
        return Colours[(int)((uint.TryParse(digits, CultureInfo.InvariantCulture, out uint number) ? number : hash) % (uint)Colours.Length)];
    }

    private static string Addresses(NetworkDevice device, string none)
    {
        string[] addresses = [.. device.Kernel.Addresses.Of(device, InternetAddress.V4).Select(address => $"{address.Local}/{address.PrefixLength}")];
        return addresses.Length == 0 ? none : string.Join(", ", addresses);
    }

    private static void Box(StringBuilder svg, int x, int y, int width, int height, string look) =>
        svg.Append(CultureInfo.InvariantCulture, $"""<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" {look}/>""").Append('\n');

    private static void Line(StringBuilder svg, int x1, int y1, int x2, int y2, string look) =>
        svg.Append(CultureInfo.InvariantCulture, $"""<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {look}/>""").Append('\n');

    private static void Text(StringBuilder svg, int x, int y, string text, string look) =>
        svg.Append(CultureInfo.InvariantCulture, $"""<text x="{x}" y="{y}" {look}>{Escape(text)}</text>""").Append('\n');

    private static string Escape(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);

    /// <summary>A machine's place and what stands in its box.</summary>
    private sealed class Column
    {
        public Column(SimulatedHost host, int x)
        {
            Host = host;
            X = x;
            foreach (NetworkDevice device in host.Kernel.Devices.All)
            {
                if (device.IsLoopback || host.Cloud.VirtualMachines.Any(machine => machine.NodeInterface.Device == device))
                {
                    continue;
                }

                string addresses = Addresses(device, "");
                string text = device.Bridge is { } bridge
                    ? $"{device.Name} [{string.Join(", ", bridge.Ports.Select(port => port.Device.Name))}] {addresses}"
                    : device.Vlan is { } vlan && device.Lower is { } lower
                        ? string.Create(CultureInfo.InvariantCulture, $"{device.Name} VLAN {vlan.Id} on {lower.Name} {addresses}")
                        : $"{device.Name} {addresses}";
                Lines.Add((text.TrimEnd() + (device.IsUp ? "" : " (down)"), device.Bridge is not null ? Colour(device) : device.Master is { } master ? Colour(master) : "#333333"));
            }
        }

        public SimulatedHost Host { get; }

        public int X { get; }

        public List<(string Text, string Colour)> Lines { get; } = [];

        /// <summary>Where a card's cable leaves the box.</summary>
        public int CardX(NetworkCard card)
        {
            List<NetworkCard> cards = [.. Host.Cards.Where(other => Host.Cloud.VirtualMachines.All(machine => machine.NodeInterface != other))];
            return X + (cards.IndexOf(card) + 1) * ColumnWidth / (cards.Count + 1);
        }
    }
}
