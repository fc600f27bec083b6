using System.Net;

namespace EucaNet.Cli.Tests.Evidence.Attacks;

/// <summary>Whom an attack is after, and where it is looked for.</summary>
internal enum Target
{
    /// <summary>The group and whatever hears the attacker's frames: no frame of the attack may leave the VM's port.</summary>
    Neighbours,

    /// <summary>What is behind the front-end and the front-end itself: nothing reaches another group, and the front-end does not answer.</summary>
    FrontEnd,
}

/// <summary>One thing that root in a VM may try.</summary>
/// <param name="Name">What it tries.</param>
/// <param name="Target">Whom it is after.</param>
/// <param name="Frames">The frames it sends.</param>
internal sealed record Attack(string Name, Target Target, Func<AttackField, byte[][]> Frames)
{
    /// <summary>What stops it beside our guards, and must do so without them too; null where nothing does.</summary>
    public string? StoppedBy { get; init; }

    /// <summary>By what its frames are known again; <see cref="Attacks.Frames.Marker"/> unless they have no room for it.</summary>
    public byte[] Mark { get; init; } = Attacks.Frames.Marker;

    public override string ToString() => Name;
}

/// <summary>
/// Who is who: the attacker and a neighbour of its group on one node, a second neighbour and a VM of another group on the other node.
/// </summary>
internal sealed record AttackField(Guest Attacker, Guest Neighbour, Guest Far, Guest Other, byte[] RouterMac, byte[] BridgeMac)
{
    /// <summary>The front-end in the attacker's network.</summary>
    public IPAddress Router { get; } = IPAddress.Parse("192.168.0.1");

    /// <summary>The front-end in the other group's network.</summary>
    public IPAddress OtherRouter { get; } = IPAddress.Parse("192.168.0.65");

    /// <summary>An address of the attacker's network that nobody has.</summary>
    public IPAddress Unused { get; } = IPAddress.Parse("192.168.0.60");

    public byte[] Own => Attacker.Mac;

    public IPAddress Address => Attacker.Address;

    /// <summary>An IPv4 packet in a frame of the attacker's own.</summary>
    public byte[] Ip(byte[] to, byte[] packet) => Frames.Ethernet(to, Own, Frames.Ipv4Type, packet);

    /// <summary>A datagram with the attacker's own addresses.</summary>
    public byte[] Datagram(byte[] to, IPAddress address, ushort from = 4000, ushort port = 4000, byte[]? options = null) =>
        Ip(to, Frames.Ipv4(Address, address, Frames.Udp, Frames.UdpDatagram(from, port), options));

    /// <summary>A datagram with a forged IPv4 source.</summary>
    public byte[] DatagramFrom(string source, Guest to) => Ip(to.Mac, Frames.Ipv4(IPAddress.Parse(source), to.Address, Frames.Udp, Frames.UdpDatagram(4000, 4000)));

    /// <summary>An ICMPv6 message in a frame of the attacker's own.</summary>
    public byte[] Icmpv6(byte[] to, IPAddress from, IPAddress address, byte type, byte[] body, byte[]? extension = null, byte first = Frames.Icmpv6)
    {
        byte[] message = Frames.Icmpv6Message(from, address, type, body);
        return Frames.Ethernet(to, Own, Frames.Ipv6Type, Frames.Ipv6(from, address, first, [.. extension ?? [], .. message]));
    }
}
