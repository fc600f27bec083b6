using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Link;
using EucaNet.Simulator.Datapath.Transport;

namespace EucaNet.Simulator.Datapath;

/// <summary>To whom a frame was sent, as its receiver sees it (linux/if_packet.h).</summary>
internal enum PacketType : byte
{
    Host = 0,
    Broadcast = 1,
    Multicast = 2,
    OtherHost = 3,
    Outgoing = 4,
    Loopback = 5,
}

/// <summary>
/// One packet on its way through one kernel: the bytes, where its headers begin, and what the kernel writes beside it.
/// The outermost VLAN tag is kept apart from the bytes (<see cref="Tag"/>), as the kernel does after reception.
/// Offsets count from the start of the buffer; a header that is absent has an offset of -1.
/// </summary>
internal sealed partial class Packet
{
    /// <summary>Room kept before the frame for headers that are put in front later.</summary>
    private const int Headroom = 64;

    private byte[] _buffer;
    private int _end;
    private int _routers;

    private Packet(byte[] buffer, int start, int end)
    {
        _buffer = buffer;
        _end = end;
        MacOffset = start;
        NetworkOffset = start;
        TransportOffset = -1;
    }

    /// <summary>Where the ethernet header begins, -1 when there is none yet (a packet this machine sends, before its neighbour is known).</summary>
    public int MacOffset { get; private set; }

    /// <summary>Where the network header begins.</summary>
    public int NetworkOffset { get; private set; }

    /// <summary>Where the transport header begins, -1 when it is unknown, absent or in another fragment.</summary>
    public int TransportOffset { get; private set; }

    /// <summary>The ethernet protocol of the network header (host order).</summary>
    public ushort Protocol { get; set; }

    /// <summary>The transport protocol, valid after <see cref="LocateTransport"/>.</summary>
    public byte TransportProtocol { get; private set; }

    /// <summary>In units of eight octets; not 0: the transport header isn't here.</summary>
    public ushort FragmentOffset { get; private set; }

    /// <summary>The network header was parsed and the transport protocol is known (also of later fragments).</summary>
    public bool HasTransportProtocol { get; private set; }

    /// <summary>The VLAN tag carried beside the frame.</summary>
    public VlanTag? Tag { get; set; }

    public PacketType Type { get; set; }

    public uint Mark { get; set; }

    public uint Priority { get; set; }

    /// <summary>Bridge and netdev: the interface the packet came in by, kept over hops inside one kernel (skb_iif).</summary>
    public int InputInterface { get; set; }

    /// <summary>The device of a VRF it came in by, where <see cref="InputInterface"/> is the VRF's own; else 0 (inet_sdif).</summary>
    public int DomainInterface { get; set; }

    /// <summary>The connection the packet belongs to, or null (not seen by conntrack yet, invalid, or untracked).</summary>
    public Connection? Connection { get; set; }

    /// <summary>How the packet relates to <see cref="Connection"/>.</summary>
    public ConnectionInfo ConnectionInfo { get; set; }

    /// <summary>A notrack rule or the kernel itself excluded the packet from connection tracking.</summary>
    public bool Untracked { get; set; }

    /// <summary>Rules are reported to <c>nft monitor trace</c> (meta nftrace).</summary>
    public bool Traced { get; set; }

    /// <summary>Tells traced packets apart; 0 until a rule traces it.</summary>
    public uint TraceId { get; set; }

    /// <summary>The route chosen for the packet, from its look-up until it leaves.</summary>
    public RouteDecision? Route { get; set; }

    /// <summary>How many devices it has passed since a router last took it on, over all kernels; what goes round in circles ends by it.</summary>
    public int Hops { get; set; }

    /// <summary>The socket that sent it, or that was found for it before it is delivered; null for others (skb->sk).</summary>
    public LocalSocket? Socket { get; set; }

    /// <summary>Made by this kernel itself (a socket, an ICMP error), not received.</summary>
    public bool IsLocal { get; set; }

    /// <summary>Filters of traffic control send it on: it meets no egress rules on its way (nf_skip_egress).</summary>
    public bool SkipsEgressRules { get; set; }

    /// <summary>The story of the packet and of all that came of it, or null where nobody listens.</summary>
    public PacketStory? Story { get; set; }

    /// <summary>Connection tracking has summed up what came in, right or wrong (CHECKSUM_COMPLETE); rules at output don't do it again. Passing through ends it.</summary>
    public bool IsSummed { get; set; }

    /// <summary>What was summed up was right; what rules change afterwards without mending the checksum is not noticed by this machine's own protocols (csum_valid).</summary>
    public bool IsVerified { get; set; }

    /// <summary>How far the sum that is kept is off by what rules have written since, modulo 0xffff: nf_tables' writing and xtables' targets forget that IPv6 has no header checksum (nft_payload_l4csum_update).</summary>
    public int SumDrift { get; private set; }

    /// <summary>The sum that is kept says that the packet is whole.</summary>
    public bool IsSumRight => IsVerified && SumDrift % 0xffff == 0;

    /// <summary>What br_netfilter keeps of a packet that came in by a bridge's port; null for others.</summary>
    public BridgedPacket? Bridged { get; set; }

    /// <summary>A sum that is kept does not learn that words of the network header have grown by this, with nothing that makes up for it.</summary>
    public void MissSum(int difference)
    {
        if (IsSummed)
        {
            SumDrift = (SumDrift - difference) % 0xffff;
        }
    }

    /// <summary>A router takes it on: what goes round from router to router ends by its hop limit, unless rules raise that again and again.</summary>
    public void TakeOn()
    {
        if (++_routers <= byte.MaxValue)
        {
            Hops = 0;
        }
    }

    /// <summary>Somebody listens to this packet's story at this level.</summary>
    public bool Tells(TraceLevel level) => Story is { } story && story.Journey.Level >= level;

    /// <summary>Adds a step to the packet's story; ask <see cref="Tells"/> first where the text costs something.</summary>
    public void Tell(StoryKind kind, TraceLevel level, string host, string text)
    {
        if (Story is { } story)
        {
            Story = story.Add(kind, level, host, text);
        }
    }

    /// <summary>The whole frame without <see cref="Tag"/>; without an ethernet header it begins with the network header.</summary>
    public Span<byte> Frame => _buffer.AsSpan(Start, _end - Start);

    /// <summary>The ethernet header of 14 octets; empty when there is none.</summary>
    public Span<byte> LinkHeader => MacOffset < 0 ? default : _buffer.AsSpan(MacOffset, Math.Min(EthernetSize, _end - MacOffset));

    /// <summary>From the network header to the end.</summary>
    public Span<byte> Network => _buffer.AsSpan(NetworkOffset, _end - NetworkOffset);

    /// <summary>From the transport header to the end; empty when it is absent.</summary>
    public Span<byte> Transport => TransportOffset < 0 ? default : _buffer.AsSpan(TransportOffset, _end - TransportOffset);

    /// <summary>Octets from the network header on (skb->len while the packet is in the network layer).</summary>
    public int NetworkLength => _end - NetworkOffset;

    /// <summary>Octets of the frame on the wire, VLAN tag included.</summary>
    public int WireLength => _end - Start + (Tag is null ? 0 : VlanTag.Size);

    public MacAddress Destination
    {
        get => MacAddress.Read(LinkHeader);
        set => value.CopyTo(LinkHeader);
    }

    public MacAddress Source
    {
        get => MacAddress.Read(LinkHeader[6..]);
        set => value.CopyTo(LinkHeader[6..]);
    }

    public Ipv4Header Ipv4 => new(Network);

    public Ipv6Header Ipv6 => new(Network);

    public ArpHeader Arp => new(Network);

    internal const int EthernetSize = 14;

    private int Start => MacOffset >= 0 ? MacOffset : NetworkOffset;

    /// <summary>A frame as it came from a wire; a VLAN tag stays in the bytes until <see cref="TakeTag"/>.</summary>
    public static Packet FromFrame(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < EthernetSize)
        {
            throw new ArgumentException($"An ethernet frame has at least {EthernetSize} octets, not {frame.Length}.", nameof(frame));
        }

        byte[] buffer = new byte[Headroom + frame.Length];
        frame.CopyTo(buffer.AsSpan(Headroom));
        return new Packet(buffer, Headroom, buffer.Length)
        {
            NetworkOffset = Headroom + EthernetSize,
            Protocol = EtherType.Of(BinaryPrimitives.ReadUInt16BigEndian(frame[12..]), frame[EthernetSize..]),
        };
    }

    /// <summary>A packet of this machine: room for a network header and what follows, no ethernet header yet.</summary>
    public static Packet OfNetwork(ushort protocol, int length)
    {
        byte[] buffer = new byte[Headroom + length];
        return new Packet(buffer, Headroom, buffer.Length) { MacOffset = -1, Protocol = protocol, IsLocal = true };
    }

    /// <summary>An own buffer with the same bytes and the same marks; connection and story are shared, as skb_clone shares them.</summary>
    public Packet Clone()
    {
        var copy = (Packet)MemberwiseClone();
        copy._buffer = (byte[])_buffer.Clone();
        return copy;
    }

    /// <summary>The frame as it goes on a wire: the tag is put back behind the addresses.</summary>
    public byte[] ToWire()
    {
        ReadOnlySpan<byte> frame = Frame;
        if (Tag is not { } tag)
        {
            return frame.ToArray();
        }

        byte[] wire = new byte[frame.Length + VlanTag.Size];
        frame[..12].CopyTo(wire);
        BinaryPrimitives.WriteUInt16BigEndian(wire.AsSpan(12), tag.Protocol);
        BinaryPrimitives.WriteUInt16BigEndian(wire.AsSpan(14), tag.Control);
        frame[12..].CopyTo(wire.AsSpan(16));
        return wire;
    }

    /// <summary>Moves a tag that stands in the bytes to <see cref="Tag"/> (skb_vlan_untag); false when it is cut.</summary>
    public bool TakeTag()
    {
        if (Tag is not null || !EtherType.IsVlan(Protocol))
        {
            return true;
        }

        if (_end - MacOffset < EthernetSize + VlanTag.Size)
        {
            return false;
        }

        Span<byte> network = Network;
        Tag = new VlanTag(Protocol, BinaryPrimitives.ReadUInt16BigEndian(network));
        Protocol = EtherType.Of(BinaryPrimitives.ReadUInt16BigEndian(network[2..]), network[VlanTag.Size..]);
        _buffer.AsSpan(MacOffset, 12).CopyTo(_buffer.AsSpan(MacOffset + VlanTag.Size));
        MacOffset += VlanTag.Size;
        NetworkOffset += VlanTag.Size;
        return true;
    }

    /// <summary>Puts the tag carried beside the frame into the bytes, before another is carried (double tagging).</summary>
    public void StoreTag()
    {
        if (Tag is not { } tag)
        {
            return;
        }

        EnsureHeadroom(VlanTag.Size);
        _buffer.AsSpan(MacOffset, 12).CopyTo(_buffer.AsSpan(MacOffset - VlanTag.Size));
        MacOffset -= VlanTag.Size;
        NetworkOffset -= VlanTag.Size;
        BinaryPrimitives.WriteUInt16BigEndian(_buffer.AsSpan(MacOffset + 12), tag.Protocol);
        BinaryPrimitives.WriteUInt16BigEndian(_buffer.AsSpan(MacOffset + 14), tag.Control);
        Protocol = tag.Protocol;
        Tag = null;
        ForgetTransport();
    }

    /// <summary>Puts an ethernet header in front of the network header, or writes over the one that is there.</summary>
    public void SetLinkHeader(MacAddress destination, MacAddress source, ushort etherType)
    {
        if (MacOffset != NetworkOffset - EthernetSize)
        {
            MacOffset = NetworkOffset;
            EnsureHeadroom(EthernetSize);
            MacOffset = NetworkOffset - EthernetSize;
        }

        Span<byte> header = LinkHeader;
        destination.CopyTo(header);
        source.CopyTo(header[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(header[12..], etherType);
    }

    /// <summary>Forgets the ethernet header: the packet goes to the output path of the network layer.</summary>
    public void RemoveLinkHeader() => MacOffset = -1;

    /// <summary>Cuts the packet to <paramref name="length"/> octets from the network header on (ethernet padding).</summary>
    public void TrimNetwork(int length)
    {
        if (length < NetworkLength)
        {
            _end = NetworkOffset + length;
        }
    }

    /// <summary>Replaces what follows the network header's first <paramref name="keep"/> octets.</summary>
    public void ReplacePayload(int keep, ReadOnlySpan<byte> payload)
    {
        int end = NetworkOffset + keep + payload.Length;
        if (end > _buffer.Length)
        {
            Array.Resize(ref _buffer, end);
        }

        payload.CopyTo(_buffer.AsSpan(NetworkOffset + keep));
        _end = end;
    }

    public void ForgetTransport()
    {
        TransportOffset = -1;
        HasTransportProtocol = false;
        TransportProtocol = 0;
        FragmentOffset = 0;
    }

    /// <summary>
    /// Reads the network header and finds the transport header; false when it is no whole IPv4 or IPv6 header, as
    /// nft_set_pktinfo_ipv4_validate and its IPv6 sibling judge it. The checksum isn't looked at.
    /// </summary>
    public bool LocateTransport()
    {
        ForgetTransport();
        Span<byte> network = Network;
        if (Protocol == EtherType.Ipv4)
        {
            if (network.Length < Ipv4Header.MinimumSize)
            {
                return false;
            }

            var header = new Ipv4Header(network);
            if (header.Version != 4 || header.HeaderLength < Ipv4Header.MinimumSize || header.HeaderLength > network.Length
                || header.TotalLength > network.Length || header.TotalLength < header.HeaderLength)
            {
                return false;
            }

            TransportProtocol = header.Protocol;
            FragmentOffset = (ushort)(header.FragmentField & Ipv4Header.OffsetMask);
            TransportOffset = NetworkOffset + header.HeaderLength;
            HasTransportProtocol = true;
            return true;
        }

        if (Protocol == EtherType.Ipv6)
        {
            var header = new Ipv6Header(network);
            if (!header.IsValid)
            {
                return false;
            }

            byte protocol = header.FindTransport(out int offset, out ushort fragment);
            if (offset > network.Length)
            {
                return false;
            }

            TransportProtocol = protocol;
            FragmentOffset = (ushort)(fragment >> 3);
            TransportOffset = NetworkOffset + offset;
            HasTransportProtocol = true;
            return true;
        }

        return false;
    }

    /// <summary>Reads octets of the link header as a rule sees them: the tag beside the frame stands behind the addresses again.</summary>
    public bool CopyLinkHeader(int offset, Span<byte> destination)
    {
        if (MacOffset < 0)
        {
            return false;
        }

        if (Tag is null || offset + destination.Length <= 12)
        {
            if (MacOffset + offset + destination.Length > _end)
            {
                return false;
            }

            _buffer.AsSpan(MacOffset + offset, destination.Length).CopyTo(destination);
            return true;
        }

        byte[] wire = ToWire();
        if (offset + destination.Length > wire.Length)
        {
            return false;
        }

        wire.AsSpan(offset, destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>Reads octets counted from the network header, also of the link header before it (negative offsets, the tag left out).</summary>
    public bool CopyFromNetwork(int offset, Span<byte> destination)
    {
        int start = NetworkOffset + offset;
        if (start < Start || (long)start + destination.Length > _end)
        {
            return false;
        }

        _buffer.AsSpan(start, destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>What a hop to another kernel or device takes off: connection, trace mark, type; the mark too between kernels (skb_scrub_packet).</summary>
    public void Scrub(bool otherKernel)
    {
        Connection = null;
        ConnectionInfo = default;
        Untracked = false;
        Traced = false;
        TraceId = 0;
        Route = null;
        Bridged = null;
        IsSummed = false;
        IsVerified = false;
        SumDrift = 0;
        IsLocal = false;
        Type = PacketType.Host;
        Priority = 0;
        InputInterface = 0;
        DomainInterface = 0;
        SkipsEgressRules = false;
        ForgetTransport();
        if (otherKernel)
        {
            Mark = 0;
            Socket = null;
        }
    }

    private void EnsureHeadroom(int bytes)
    {
        if (Start >= bytes)
        {
            return;
        }

        byte[] larger = new byte[_buffer.Length + Headroom];
        _buffer.CopyTo(larger, Headroom);
        _buffer = larger;
        _end += Headroom;
        NetworkOffset += Headroom;
        MacOffset = MacOffset < 0 ? -1 : MacOffset + Headroom;
        TransportOffset = TransportOffset < 0 ? -1 : TransportOffset + Headroom;
    }
}
