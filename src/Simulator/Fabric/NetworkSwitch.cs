using System.Globalization;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Fabric;

/// <summary>
/// A plain learning switch that lets every VLAN through ("VLAN clean"): it forwards by MAC and VLAN, forgets after five
/// minutes, and changes no frame.
/// </summary>
public sealed class NetworkSwitch
{
    private static readonly TimeSpan Ageing = TimeSpan.FromMinutes(5);

    private readonly List<SwitchPort> _ports = [];
    private readonly Dictionary<(ushort Vlan, ulong Mac), (SwitchPort Port, long Seen)> _table = [];
    private readonly SimulatedCloud _cloud;

    internal NetworkSwitch(SimulatedCloud cloud, string name)
    {
        _cloud = cloud;
        Name = name;
    }

    /// <summary>The switch's name.</summary>
    public string Name { get; }

    /// <summary>The ports, in the order they were made.</summary>
    public IReadOnlyList<SwitchPort> Ports => _ports;

    internal SwitchPort AddPort()
    {
        var port = new SwitchPort(this, _ports.Count + 1);
        _ports.Add(port);
        return port;
    }

    internal void Remove(SwitchPort port)
    {
        port.Cable = null;
        foreach ((ushort, ulong) key in _table.Where(pair => pair.Value.Port == port).Select(pair => pair.Key).ToArray())
        {
            _table.Remove(key);
        }
    }

    internal void Arrive(SwitchPort port, Packet packet)
    {
        ushort vlan = VlanOf(packet);
        if (vlan != 0 && port.DropsTaggedFrames)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, Name, $"port {port.Number} drops tagged frames (VLAN {vlan})");
            return;
        }

        packet.Tell(StoryKind.Device, TraceLevel.Minimal, Name, "");
        long now = _cloud.Clock.GetTimestamp();
        if (packet.Source.IsUnicast)
        {
            _table[(vlan, packet.Source.Value)] = (port, now);
        }

        MacAddress destination = packet.Destination;
        if (!destination.IsMulticast && _table.TryGetValue((vlan, destination.Value), out (SwitchPort Port, long Seen) entry) && now - entry.Seen < Ageing.Ticks)
        {
            if (entry.Port != port)
            {
                Leave(entry.Port, packet, vlan);
            }

            return;
        }

        foreach (SwitchPort other in _ports)
        {
            if (other != port && other.Cable is not null)
            {
                Leave(other, packet.Clone(), vlan);
            }
        }
    }

    private void Leave(SwitchPort port, Packet packet, ushort vlan)
    {
        if (vlan != 0 && port.DropsTaggedFrames)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, Name, $"port {port.Number} drops tagged frames (VLAN {vlan})");
        }
        else
        {
            port.Cable?.Send(port, packet);
        }
    }

    private static ushort VlanOf(Packet packet)
    {
        if (packet.Tag is { } tag)
        {
            return tag.Id;
        }

        return EtherType.IsVlan(packet.Protocol) && packet.Frame.Length >= 16
            ? (ushort)(System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(packet.Frame[14..]) & 0xfff)
            : (ushort)0;
    }
}

/// <summary>A port of a switch.</summary>
public sealed class SwitchPort : ICableEnd
{
    internal SwitchPort(NetworkSwitch owner, int number)
    {
        Switch = owner;
        Number = number;
    }

    /// <summary>The switch.</summary>
    public NetworkSwitch Switch { get; }

    /// <summary>From 1.</summary>
    public int Number { get; }

    /// <summary>The port lets no frame with a VLAN tag in or out: what a switch that isn't "VLAN clean" does.</summary>
    public bool DropsTaggedFrames { get; set; }

    /// <summary>The cable that is plugged in, or null.</summary>
    public Cable? Cable { get; internal set; }

    string ICableEnd.Name => string.Create(CultureInfo.InvariantCulture, $"{Switch.Name} port {Number}");

    void ICableEnd.Arrive(Packet packet) => Switch.Arrive(this, packet);

    void ICableEnd.CarrierChanged(bool carrier)
    {
        // A switch keeps its table; the entries age.
    }
}
