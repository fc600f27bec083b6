using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Transport;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>
/// Neighbour discovery as Linux speaks it (net/ipv6/ndisc.c): answers for local addresses, learns from those who ask, asks and
/// announces, looks whether an address is taken, and takes routers' advertisements to the kernel's tables.
/// </summary>
internal sealed class NeighbourDiscovery(NetworkStack stack)
{
    private const byte SourceLinkAddress = 1, TargetLinkAddress = 2, RedirectedHeader = 4, Nonce = 14;
    private const uint RouterFlag = 1u << 31, SolicitedFlag = 1u << 30, OverrideFlag = 1u << 29;
    private const int TargetOffset = 8, SolicitationSize = 24, RedirectSize = 40;

    private readonly Dictionary<InterfaceAddress, byte[]> _nonces = [];
    private readonly RateLimit _redirects = new();

    /// <summary>A message of types 133 to 137; one that passed a router is none of this link.</summary>
    public void Receive(NetworkDevice device, Packet packet)
    {
        var header = new IcmpHeader(packet.Transport);
        int fixedSize = header.Type switch
        {
            Icmpv6Type.RouterSolicitation => IcmpHeader.Size,
            Icmpv6Type.RouterAdvertisement => 16,
            Icmpv6Type.Redirect => RedirectSize,
            _ => SolicitationSize,
        };
        if (packet.HopLimit != 255 || header.Code != 0 || packet.Transport.Length < fixedSize || !DiscoveryOptions.AreWellFormed(packet.Transport[fixedSize..]))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "neighbour discovery from afar or malformed");
            return;
        }

        switch (header.Type)
        {
            case Icmpv6Type.RouterSolicitation:
                TakeRouterSolicitation(device, packet);
                break;
            case Icmpv6Type.RouterAdvertisement:
                stack.RouterDiscovery.Take(device, packet);
                break;
            case Icmpv6Type.NeighbourSolicitation:
                TakeSolicitation(device, packet);
                break;
            case Icmpv6Type.NeighbourAdvertisement:
                TakeAdvertisement(device, packet);
                break;
            default:
                TakeRedirect(device, packet);
                break;
        }
    }

    /// <summary>Asks for the MAC of <paramref name="target"/>; of one station only where its MAC was known.</summary>
    public void Solicit(NetworkDevice device, InternetAddress target, InternetAddress? source, MacAddress? known, PacketStory? story)
    {
        InternetAddress? from = source is { IsMulticast: false } given && stack.Kernel.Addresses.Find(device, given) is { } own && SourceSelection.IsUsable(own)
            ? given
            : stack.Sources.LinkLocalOf(device);
        if (from is { } sender)
        {
            InternetAddress to = known is null ? Ipv6Layer.SolicitedNode(target) : target;
            Packet packet = Message(sender, to, Icmpv6Type.NeighbourSolicitation, 0, target, SourceLinkAddress, device.HardwareAddress);
            Send(device, packet, story, $"neighbour solicitation for {target}");
        }
    }

    /// <summary>Asks, as nobody, whether somebody has an address already (duplicate detection), with a nonce to know the own question by.</summary>
    public void Probe(InterfaceAddress address)
    {
        byte[] nonce = new byte[6];
        stack.Kernel.Random.Fill(nonce);
        _nonces[address] = nonce;
        bool isEnhanced = stack.Kernel.Parameters.Number("net/ipv6/conf/", address.Device.Name, "enhanced_dad") != 0;
        Packet packet = Message(InternetAddress.Any(InternetAddress.V6), Ipv6Layer.SolicitedNode(address.Local), Icmpv6Type.NeighbourSolicitation, 0, address.Local, isEnhanced ? Nonce : (byte)0, nonce);
        Send(address.Device, packet, null, "");
    }

    /// <summary>An address is this machine's: tells everybody on the link (ndisc_notify).</summary>
    public void Announce(NetworkDevice device, InternetAddress address) => Advertise(device, Ipv6Layer.AllNodes, address, OverrideFlag, withLinkAddress: true, null);

    /// <summary>Asks for routers.</summary>
    public void SolicitRouters(NetworkDevice device, InternetAddress source)
    {
        byte[] mac = device.HardwareAddress;
        Packet packet = Packet.OfInternet(source, Ipv6Layer.AllRouters, IpProtocol.Icmpv6, IcmpHeader.Size + 8, 255);
        packet.Transport[0] = Icmpv6Type.RouterSolicitation;
        DiscoveryOptions.WriteLinkAddress(packet.Transport[IcmpHeader.Size..], SourceLinkAddress, mac);
        packet.UpdateTransportChecksum();
        Send(device, packet, null, "");
    }

    /// <summary>Tells a sender on the link of a first hop nearer to where its packets go.</summary>
    public void Redirect(NetworkDevice device, Packet cause, InternetAddress target)
    {
        InternetAddress sender = cause.SourceAddress;
        if (stack.Sources.LinkLocalOf(device) is not { } own || (!target.IsLinkLocal && target != cause.DestinationAddress)
            || !_redirects.Allows(cause.DestinationAddress, TimeSpan.FromSeconds(1), stack.Kernel.Clock.GetTimestamp()))
        {
            return;
        }

        byte[]? mac = stack.Kernel.Neighbours.Find(device, target) is { IsValid: true, HardwareAddress: { } known } ? known : null;
        int quoted = Math.Min(cause.NetworkLength, Ipv6Header.MinimumMtu - Ipv6Header.Size - RedirectSize - (mac is null ? 0 : 8) - 8) & ~7;
        Packet packet = Packet.OfInternet(own, sender, IpProtocol.Icmpv6, RedirectSize + (mac is null ? 0 : 8) + 8 + quoted, 255);
        Span<byte> message = packet.Transport;
        message[0] = Icmpv6Type.Redirect;
        target.Write(message[TargetOffset..]);
        cause.DestinationAddress.Write(message[24..]);
        Span<byte> options = message[RedirectSize..];
        if (mac is not null)
        {
            DiscoveryOptions.WriteLinkAddress(options, TargetLinkAddress, mac);
            options = options[8..];
        }

        options[0] = RedirectedHeader;
        options[1] = (byte)(quoted / 8 + 1);
        cause.Network[..quoted].CopyTo(options[8..]);
        packet.UpdateTransportChecksum();
        packet.Story = cause.Story?.Add(StoryKind.Answer, TraceLevel.Minimal, stack.HostName, $"ICMPv6 redirect to {target}");
        packet.Socket = LocalSocket.OfKernel;
        stack.Ipv6.SendLocal(packet, device);
    }

    private void TakeSolicitation(NetworkDevice device, Packet packet)
    {
        Span<byte> message = packet.Transport;
        InternetAddress source = packet.SourceAddress, target = InternetAddress.Read(InternetAddress.V6, message[TargetOffset..]);
        bool toMany = packet.DestinationAddress.IsMulticast, isProbe = source.IsAny;
        DiscoveryOptions options = new(message[SolicitationSize..]);
        MacAddress? hardware = options.LinkAddress(SourceLinkAddress);
        if (target.IsMulticast || (isProbe && (!toMany || hardware is not null)))
        {
            return;
        }

        InterfaceAddress? own = stack.Kernel.Addresses.Find(device, target);
        if (own is not null && !SourceSelection.IsUsable(own))
        {
            // Somebody else looks for the same address at the same time; the question itself may come back too.
            bool isOurs = _nonces.TryGetValue(own, out byte[]? nonce) && options.Find(Nonce).SequenceEqual(nonce);
            if (isProbe && !isOurs)
            {
                stack.Kernel.Inet6.Duplicate(own);
            }

            return;
        }

        if (own is null && !IsProxied(device, target))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Summary, stack.HostName, $"{target} is not an address of {device.Name}");
            return;
        }

        if (isProbe)
        {
            Advertise(device, Ipv6Layer.AllNodes, target, own is null ? 0 : OverrideFlag, withLinkAddress: true, packet.Story);
            return;
        }

        if (toMany || hardware is not null || stack.Kernel.Neighbours.Find(device, source) is not null)
        {
            stack.Neighbours.Learn(device, source, hardware, NeighbourState.Stale, create: true, overrides: true);
        }

        Advertise(device, source, target, SolicitedFlag | (own is not null && toMany ? OverrideFlag : 0), withLinkAddress: toMany, packet.Story);
    }

    private void TakeAdvertisement(NetworkDevice device, Packet packet)
    {
        Span<byte> message = packet.Transport;
        uint flags = new IcmpHeader(message).Information;
        InternetAddress target = InternetAddress.Read(InternetAddress.V6, message[TargetOffset..]);
        bool isSolicited = (flags & SolicitedFlag) != 0;
        if (target.IsMulticast || (packet.DestinationAddress.IsMulticast && isSolicited) || (packet.DestinationAddress.IsMulticast && Flag(device, "drop_unsolicited_na")))
        {
            return;
        }

        if (stack.Kernel.Addresses.Find(device, target) is { } own)
        {
            if (!SourceSelection.IsUsable(own))
            {
                stack.Kernel.Inet6.Duplicate(own);
            }

            return;
        }

        if (stack.Kernel.Neighbours.Find(device, target) is not { State: not NeighbourState.Failed } neighbour)
        {
            return;
        }

        MacAddress? hardware = new DiscoveryOptions(message[SolicitationSize..]).LinkAddress(TargetLinkAddress);
        neighbour.Flags = (byte)((flags & RouterFlag) != 0 ? neighbour.Flags | RouterNeighbour : neighbour.Flags & ~RouterNeighbour);
        stack.Neighbours.Learn(device, target, hardware, isSolicited ? NeighbourState.Reachable : NeighbourState.Stale, create: false, (flags & OverrideFlag) != 0, weak: true);
    }

    /// <summary>NTF_ROUTER.</summary>
    internal const byte RouterNeighbour = 0x80;

    private void TakeRouterSolicitation(NetworkDevice device, Packet packet)
    {
        // The answer is a program's affair (radvd); the kernel learns who asked.
        if (Flag(device, "forwarding") && !packet.SourceAddress.IsAny)
        {
            stack.Neighbours.Learn(device, packet.SourceAddress, new DiscoveryOptions(packet.Transport[IcmpHeader.Size..]).LinkAddress(SourceLinkAddress), NeighbourState.Stale, create: true, overrides: true);
        }
    }

    /// <summary>Believed from the router the packets take now, where the device accepts redirects and does not forward.</summary>
    private void TakeRedirect(NetworkDevice device, Packet packet)
    {
        Span<byte> message = packet.Transport;
        InternetAddress target = InternetAddress.Read(InternetAddress.V6, message[TargetOffset..]), destination = InternetAddress.Read(InternetAddress.V6, message[24..]);
        if (Flag(device, "forwarding") || !Flag(device, "accept_redirects") || !packet.SourceAddress.IsLinkLocal
            || (!target.IsLinkLocal && target != destination)
            || stack.Routing.Find(new RouteQuery(destination)) is not { Type: RouteType.Unicast, Gateway: { } gateway } route || gateway != packet.SourceAddress || route.Device != device)
        {
            return;
        }

        stack.Neighbours.Learn(device, target, new DiscoveryOptions(message[RedirectSize..]).LinkAddress(TargetLinkAddress), NeighbourState.Stale, create: true, overrides: true);
        stack.Exceptions.LearnGateway(destination, target);
    }

    private void Advertise(NetworkDevice device, InternetAddress to, InternetAddress target, uint flags, bool withLinkAddress, PacketStory? story)
    {
        flags |= Flag(device, "forwarding") ? RouterFlag : 0;
        InternetAddress? source = stack.Kernel.Addresses.Find(device, target) is { } own && SourceSelection.IsUsable(own) ? target : stack.Sources.SelectV6(device, to);
        if (source is not { } sender)
        {
            return;
        }

        Packet packet = Message(sender, to, Icmpv6Type.NeighbourAdvertisement, flags, target, withLinkAddress ? TargetLinkAddress : (byte)0, device.HardwareAddress);
        Send(device, packet, story, $"neighbour advertisement: {target} is at {MacAddress.Read(device.HardwareAddress)}");
    }

    private static Packet Message(InternetAddress source, InternetAddress destination, byte type, uint flags, InternetAddress target, byte option, byte[] value)
    {
        Packet packet = Packet.OfInternet(source, destination, IpProtocol.Icmpv6, SolicitationSize + (option == 0 ? 0 : 8), 255);
        Span<byte> message = packet.Transport;
        var header = new IcmpHeader(message) { Type = type, Information = flags };
        target.Write(header.Bytes[TargetOffset..]);
        if (option != 0)
        {
            DiscoveryOptions.WriteLinkAddress(message[SolicitationSize..], option, value);
        }

        packet.UpdateTransportChecksum();
        return packet;
    }

    private void Send(NetworkDevice device, Packet packet, PacketStory? story, string text)
    {
        if (story is not null && story.Journey.Level >= TraceLevel.Summary)
        {
            packet.Story = story.Add(StoryKind.Answer, TraceLevel.Summary, stack.HostName, text);
        }

        stack.Ipv6.SendLocal(packet, device);
    }

    private bool IsProxied(NetworkDevice device, InternetAddress target) =>
        Flag(device, "forwarding") && (Flag(device, "proxy_ndp") || stack.Kernel.Parameters.Number("net/ipv6/conf/all/proxy_ndp") != 0)
        && (stack.Kernel.Neighbours.Proxies.ContainsKey((device, target)) || stack.Kernel.Neighbours.Proxies.ContainsKey((null, target)));

    private bool Flag(NetworkDevice device, string name) => stack.Kernel.Parameters.Number("net/ipv6/conf/", device.Name, name) != 0;
}
