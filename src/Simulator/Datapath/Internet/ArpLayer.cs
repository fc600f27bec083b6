using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>ARP as Linux speaks it (net/ipv4/arp.c): answers for local addresses, learns from those who ask, asks and announces.</summary>
internal sealed class ArpLayer(NetworkStack stack)
{
    /// <summary>An entry updated less than this ago isn't overridden by another answer (locktime).</summary>
    private static readonly long LockTime = TimeSpan.TicksPerSecond;

    public void Receive(NetworkDevice device, Packet packet)
    {
        if (packet.Type is PacketType.OtherHost or PacketType.Loopback || (device.Flags & DeviceFlags.NoArp) != 0)
        {
            return;
        }

        if (packet.NetworkLength < ArpHeader.Size || !packet.Arp.HasLengths)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "malformed ARP");
            return;
        }

        if (stack.Hooks.Run(new HookContext(stack, HookFamily.Arp, Hook.ArpInput, packet, device, null)) != HookVerdict.Accept)
        {
            return;
        }

        if (packet.Arp.IsValid)
        {
            Process(device, packet);
        }
        else
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "ARP of another kind of link or protocol");
        }
    }

    /// <summary>Asks for the MAC of <paramref name="target"/>; of one station only where its MAC was known.</summary>
    public void Solicit(NetworkDevice device, InternetAddress target, InternetAddress? source, MacAddress? known, PacketStory? story)
    {
        uint sender = (uint)(Announced(device, target, source) ?? stack.Sources.SelectV4(device, target, ScopeLink) ?? InternetAddress.Any(InternetAddress.V4)).Value;
        Send(device, ArpHeader.Request, known ?? MacAddress.Broadcast, MacAddress.Read(device.HardwareAddress), sender, default, (uint)target.Value, story);
    }

    /// <summary>Tells everybody on the link who has <paramref name="address"/> (gratuitous ARP, as arp_notify does).</summary>
    public void Announce(NetworkDevice device, InternetAddress address) =>
        Send(device, ArpHeader.Request, MacAddress.Broadcast, MacAddress.Read(device.HardwareAddress), (uint)address.Value, default, (uint)address.Value, null);

    private const byte ScopeLink = 253, ScopeHost = 254;

    /// <summary>Whether the sender of the packet that needs the MAC may be named in the question (arp_announce): 0 any, 1 one that shares a network with the target on this device, 2 none.</summary>
    private InternetAddress? Announced(NetworkDevice device, InternetAddress target, InternetAddress? source) => stack.Setting(device, "arp_announce") switch
    {
        1 => source is { } address && IsConfirmed(device, target, address, ScopeHost) ? source : null,
        2 => null,
        _ => source,
    };

    /// <summary>An address is a device's own, of at most this scope, and shares a network of the device with somebody, where one is named (confirm_addr_indev).</summary>
    private bool IsConfirmed(NetworkDevice device, InternetAddress? somebody, InternetAddress own, byte scope)
    {
        byte loopback = stack.Flag(device, "route_localnet") ? ScopeLink : ScopeHost;
        IReadOnlyList<InterfaceAddress> addresses = stack.Kernel.Addresses.Of(device, InternetAddress.V4);
        return addresses.Any(address => address.Local == own && Math.Min(address.Scope, loopback) <= scope)
            && addresses.Any(address => own.IsIn(address.Address, address.PrefixLength) && (somebody is not { } other || other.IsIn(address.Address, address.PrefixLength)));
    }

    private void Process(NetworkDevice device, Packet packet)
    {
        ArpHeader arp = packet.Arp;
        uint senderAddress = arp.SenderAddress, targetAddress = arp.TargetAddress;
        MacAddress senderHardware = arp.SenderHardware;
        ushort operation = arp.Operation;
        if (operation is not (ArpHeader.Request or ArpHeader.Reply))
        {
            return;
        }

        if (Ipv4.IsMulticast(targetAddress) || (Ipv4.IsLoopback(targetAddress) && !stack.Flag(device, "route_localnet")))
        {
            return;
        }

        InternetAddress sender = InternetAddress.FromV4(senderAddress), target = InternetAddress.FromV4(targetAddress);
        if (senderAddress == 0)
        {
            // Somebody asks whether the address is free.
            if (operation == ArpHeader.Request && stack.Kernel.Addresses.FindLocal(target) is not null && MayAnswer(device, sender, target))
            {
                Reply(device, senderHardware, senderAddress, targetAddress, packet.Story);
            }

            return;
        }

        RouteDecision? route = null;
        if (operation == ArpHeader.Request && stack.Ipv4.RouteInput(device, sender, target, 0, out route) && route is { Type: RouteType.Local })
        {
            if (MayAnswer(device, sender, target))
            {
                stack.Neighbours.Learn(device, sender, senderHardware, NeighbourState.Stale, create: true, overrides: true);
                Reply(device, senderHardware, senderAddress, targetAddress, packet.Story);
            }

            return;
        }

        if (operation == ArpHeader.Request && route is { Type: RouteType.Unicast } && route.Device != device && IsProxied(device, target))
        {
            stack.Neighbours.Learn(device, sender, senderHardware, NeighbourState.Stale, create: true, overrides: true);
            Reply(device, senderHardware, senderAddress, targetAddress, packet.Story);
            return;
        }

        bool announces = senderAddress == targetAddress || (operation == ArpHeader.Reply && arp.TargetHardware == senderHardware && senderAddress == targetAddress);
        bool accepts = stack.Flag(device, "arp_accept");
        Neighbour? known = stack.Kernel.Neighbours.Find(device, sender);
        if (known is null && !(announces && accepts))
        {
            return;
        }

        bool answersUs = operation == ArpHeader.Reply && packet.Type == PacketType.Host;
        bool overrides = known is null || announces || stack.Kernel.Clock.GetTimestamp() - known.Updated > LockTime;
        stack.Neighbours.Learn(device, sender, senderHardware, answersUs ? NeighbourState.Reachable : NeighbourState.Stale, create: known is null, overrides);
    }

    private bool IsProxied(NetworkDevice device, InternetAddress target) =>
        stack.IsForwarding(device)
        && (stack.Flag(device, "proxy_arp") || stack.Kernel.Neighbours.Proxies.ContainsKey((device, target)) || stack.Kernel.Neighbours.Proxies.ContainsKey((null, target)));

    /// <summary>arp_ignore and arp_filter.</summary>
    private bool MayAnswer(NetworkDevice device, InternetAddress sender, InternetAddress target)
    {
        bool answers = stack.Setting(device, "arp_ignore") switch
        {
            1 => IsConfirmed(device, null, target, ScopeHost),
            2 => IsConfirmed(device, sender.IsAny ? null : sender, target, ScopeHost),
            3 => stack.Kernel.Devices.All.Any(any => IsConfirmed(any, null, target, ScopeLink)),
            8 => false,
            _ => true,
        };
        if (!answers)
        {
            return false;
        }

        if (stack.Flag(device, "arp_filter") && !sender.IsAny)
        {
            return stack.Routing.Find(new RouteQuery(sender) { Source = target, Output = RoutingDomain.Of(device) }) is { } back && back.Device == device;
        }

        return true;
    }

    /// <summary>A bridge's rule answers a question in the station's place, with a MAC of its own.</summary>
    public void Answer(NetworkDevice device, MacAddress asker, uint askerAddress, uint address, MacAddress answer, PacketStory? story) =>
        Send(device, ArpHeader.Reply, asker, answer, address, asker, askerAddress, story);

    private void Reply(NetworkDevice device, MacAddress hardware, uint asker, uint address, PacketStory? story) =>
        Answer(device, hardware, asker, address, MacAddress.Read(device.HardwareAddress), story);

    private void Send(
        NetworkDevice device, ushort operation, MacAddress to, MacAddress senderHardware, uint sender, MacAddress targetHardware, uint target, PacketStory? story)
    {
        if ((device.Flags & DeviceFlags.NoArp) != 0)
        {
            return;
        }

        Packet packet = Packet.OfNetwork(EtherType.Arp, ArpHeader.Size);
        packet.Arp.Write(operation, senderHardware, sender, targetHardware, target);
        packet.SetLinkHeader(to, senderHardware, EtherType.Arp);
        if (story is not null && story.Journey.Level >= TraceLevel.Summary)
        {
            packet.Story = story.Add(StoryKind.Answer, TraceLevel.Summary, stack.HostName,
                operation == ArpHeader.Request ? $"ARP who has {Ipv4.Text(target)}" : $"ARP {Ipv4.Text(sender)} is at {senderHardware}");
        }

        if (stack.Hooks.Run(new HookContext(stack, HookFamily.Arp, Hook.ArpOutput, packet, null, device)) == HookVerdict.Accept)
        {
            stack.Link.Transmit(device, packet);
        }
    }
}
