using System.Globalization;
using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>What an administrator of a scene's machine does, by rtnetlink, on whichever kernel it is.</summary>
internal sealed class SceneMachine(IKernel kernel) : IDisposable
{
    private readonly RouteConnection _route = RouteConnection.Open(kernel);

    public IKernel Kernel => kernel;

    public RouteConnection Route => _route;

    public int Index(string device) => Wait(_route.GetLinkAsync(device)).Index;

    public Link Link(string device) => Wait(_route.GetLinkAsync(device));

    /// <summary>Makes a link of a kind, makes no address for IPv6 of its MAC, and sets it up.</summary>
    public void Add(string name, LinkData data, string? lower = null, string? mac = null, bool up = true, uint? mtu = null)
    {
        Wait(_route.AddLinkAsync(EucaNet.Netlink.Route.Link.Of(name, data, lower is null ? null : Index(lower)) with { HardwareAddress = mac is null ? null : HardwareAddress.Parse(mac), Mtu = mtu }));
        if (up)
        {
            Up(name);
        }
    }

    public void Change(string name, LinkData data) => Wait(_route.ChangeLinkAsync(new Link { Index = Index(name), Info = LinkInfo.Of(data) }));

    public void Up(string name) => Wait(_route.SetUpAsync(Index(name)));

    public void Down(string name) => Wait(_route.SetDownAsync(Index(name)));

    public void Delete(string name) => Wait(_route.DeleteLinkAsync(name));

    public void Enslave(string name, string? master) => Wait(_route.SetMasterAsync(Index(name), master is null ? 0 : Index(master)));

    /// <summary>"10.1.0.1/24"; one of IPv6 is used at once, without asking whether somebody has it.</summary>
    public void Address(string device, string address)
    {
        string[] parts = address.Split('/');
        InterfaceAddress value = InterfaceAddress.Of(Index(device), IPAddress.Parse(parts[0]), int.Parse(parts[1], CultureInfo.InvariantCulture));
        Wait(_route.AddAddressAsync(parts[0].Contains(':', StringComparison.Ordinal) ? value with { ExtendedFlags = 2 } : value));
    }

    public void Neighbour(string device, string address, string mac) =>
        Wait(_route.AddNeighbourAsync(EucaNet.Netlink.Route.Neighbour.Permanent(Index(device), IPAddress.Parse(address), HardwareAddress.Parse(mac))));

    /// <summary>An entry of a device's forwarding database that leads to a remote address ("bridge fdb append … dst … self permanent").</summary>
    public void Forward(string device, string mac, string remote)
    {
        var entry = new Neighbour
        {
            Family = 7, Index = Index(device), Flags = 2, State = NeighbourState.Permanent | NeighbourState.NoArp,
            HardwareAddress = HardwareAddress.Parse(mac), Destination = IPAddress.Parse(remote),
        };
        RouteBatch batch = _route.CreateBatch();
        batch.Add(entry, 28, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge | NetlinkMessageFlags.Create | NetlinkMessageFlags.Append);
        batch.Execute();
    }

    public void AddRoute(string destination, string? gateway, string? device, uint? table = null)
    {
        string[] parts = destination.Split('/');
        NetworkRoute route = NetworkRoute.To(IPAddress.Parse(parts[0]), int.Parse(parts[1], CultureInfo.InvariantCulture), gateway is null ? null : IPAddress.Parse(gateway), device is null ? null : Index(device));
        Wait(_route.AddRouteAsync(table is { } id ? route with { TableId = id } : route));
    }

    public void Parameter(string path, string value) => kernel.WriteParameter(path, value);

    /// <summary>The forwarding database of a device, a line an entry.</summary>
    public string[] ForwardingEntries(string device)
    {
        int index = Index(device);
        return [.. Wait(_route.GetForwardingEntriesAsync()).Where(entry => entry.Index == index)
            .Select(static entry => $"{entry.HardwareAddress} {entry.Destination} {entry.State} flags {entry.Flags} vlan {entry.Vlan} {entry.OutputInterface}").Order(StringComparer.Ordinal)];
    }

    /// <summary>What a dump answers, message by message, behind the family header of its own.</summary>
    public List<byte[]> Dump(NetlinkProtocol protocol, ushort type, params byte[] header)
    {
        using INetlinkSocket socket = kernel.OpenNetlink(protocol);
        var request = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(request);
        WireMark mark = writer.BeginMessage(type, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump, 1);
        writer.Append(header);
        writer.EndMessage(mark);
        writer.Complete();
        socket.Send(request.Written);
        var messages = new List<byte[]>();
        var buffer = new NetlinkReceiveBuffer();
        while (true)
        {
            int count = socket.Receive(buffer);
            for (int i = 0; i < count; i++)
            {
                var reader = new MessageReader(buffer.Bytes(i));
                while (reader.TryRead(out NetlinkMessage message))
                {
                    if (message.Header.Type == NetlinkMessageType.Done)
                    {
                        return messages;
                    }

                    messages.Add(message.Payload[header.Length..].ToArray());
                }
            }
        }
    }

    /// <summary>Sends a frame by an interface: "sent", or why not.</summary>
    public string Send(string device, byte[] frame)
    {
        using IPacketSocket socket = kernel.OpenPacket(Index(device), 0x0800);
        try
        {
            socket.Send(frame);
            return "sent";
        }
        catch (KernelException refused)
        {
            return refused.Error.ToString();
        }
    }

    public void Dispose() => _route.Dispose();

    public static T Wait<T>(ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();

    public static void Wait(ValueTask task) => task.AsTask().GetAwaiter().GetResult();
}
