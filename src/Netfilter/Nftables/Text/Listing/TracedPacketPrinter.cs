using System.Globalization;
using System.Numerics;
using System.Text;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>
/// Prints the headers of a traced packet as matches, layer by layer, in nft's order: addresses first, then what tells packets apart; checksums and sequence numbers are
/// left out. What a layer's protocol is follows from the layer before; bytes behind a known header, and headers that are not known, are printed as bits.
/// </summary>
internal sealed class TracedPacketPrinter(StringBuilder text, ListingOptions options)
{
    private const ushort EthernetInterface = 1;

    private readonly NodePrinter _nodes = new(text, options);

    private static readonly Dictionary<HeaderProtocol, string[]> Shown = new()
    {
        [Headers.Ethernet] = ["saddr", "daddr", "type"],
        [Headers.Vlan] = ["id", "pcp", "dei", "type"],
        [Headers.Arp] = ["htype", "ptype", "hlen", "plen", "operation", "saddr ether", "daddr ether", "saddr ip", "daddr ip"],
        [Headers.Ip] = ["saddr", "daddr", "dscp", "ecn", "ttl", "id", "protocol", "length"],
        [Headers.Ip6] = ["saddr", "daddr", "dscp", "ecn", "hoplimit", "flowlabel", "nexthdr", "length"],
        [Headers.Tcp] = ["sport", "dport", "flags", "window"],
        [Headers.Udp] = ["sport", "dport", "length"],
        [Headers.UdpLite] = ["sport", "dport", "csumcov"],
        [Headers.Sctp] = ["sport", "dport", "vtag"],
        [Headers.Icmp] = ["type", "code", "id", "sequence"],
        [Headers.Icmp6] = ["type", "code", "parameter-problem"],
    };

    public void Print(NftablesTrace step)
    {
        Interface("iif", step.InputInterface);
        Interface("oif", step.OutputInterface);
        HeaderProtocol? network = NetworkProtocol(step);
        if (step.LinkHeader is { IsEmpty: false } link)
        {
            // Of a frame's header nft knows Ethernet's alone, by the interface's type.
            bool isEthernet = step.InputInterfaceType == EthernetInterface || step.OutputInterfaceType == EthernetInterface;
            Layer(link.Span, isEthernet ? Headers.Ethernet : null, HeaderBase.Link, network is null);
        }

        HeaderProtocol? transport = null;
        if (step.NetworkHeader is { IsEmpty: false } header && network is not null)
        {
            transport = TransportProtocol(network, header.Span);
            Layer(header.Span, network, HeaderBase.Network, transport is null || step.Family is not (NftablesFamily.Ip or NftablesFamily.Ip6));
        }

        if (step.TransportHeader is { IsEmpty: false } rest)
        {
            Layer(rest.Span, transport, HeaderBase.Transport, true);
        }
    }

    private static HeaderProtocol? NetworkProtocol(NftablesTrace step) => step.Protocol switch
    {
        Nfnetlink.NFPROTO_IPV4 => Headers.Ip,
        Nfnetlink.NFPROTO_IPV6 => Headers.Ip6,
        Nfnetlink.NFPROTO_ARP => Headers.Arp,
        _ when step.LinkHeader is { Length: >= 14 } link => Headers.Ethernet.Find((uint)(link[12] << 8 | link[13])),
        _ => null,
    };

    private static HeaderProtocol? TransportProtocol(HeaderProtocol network, ReadOnlySpan<byte> header) => network.ProtocolField == 0
        ? null
        : network.Find((uint)Field(header, network.Fields[network.ProtocolField]!));

    private void Interface(string name, uint? index)
    {
        if (index is { } number)
        {
            string shown = options.InterfaceName(number) is { } known ? $"\"{known}\"" : number.ToString(CultureInfo.InvariantCulture);
            text.Append($"{name} {shown} ");
        }
    }

    private void Layer(ReadOnlySpan<byte> header, HeaderProtocol? protocol, HeaderBase @base, bool withProtocol)
    {
        int known = 0;
        if (protocol is not null && Shown.TryGetValue(protocol, out string[]? names))
        {
            foreach (string name in names)
            {
                int index = Array.FindIndex(protocol.Fields, field => field?.Name == name);
                HeaderField field = protocol.Fields[index]!;
                if (field.Offset + field.Bits > header.Length * 8 || (index == protocol.ProtocolField && protocol.Base != HeaderBase.Transport && !withProtocol))
                {
                    continue;
                }

                Match(PayloadNode.Of(protocol, index), Field(header, field));
            }

            known = protocol.Fields.Max(field => field is null ? 0 : field.Offset + field.Bits) / 8;
        }

        // Behind a network header comes its own layer, options too are left to that.
        if (header.Length > known && @base != HeaderBase.Network)
        {
            Match(PayloadNode.Raw(@base, known * 8, (header.Length - known) * 8), Number(header[known..]));
        }
    }

    private void Match(PayloadNode field, BigInteger value)
    {
        var node = new ValueNode(value, field.Bits);
        node.SetType(field.Type, ByteOrder.Big);
        _nodes.Print(new BinaryNode(Operator.Equal, field, node));
        text.Append(' ');
    }

    private static BigInteger Field(ReadOnlySpan<byte> header, HeaderField field)
    {
        if (field.Offset + field.Bits > header.Length * 8)
        {
            return 0;
        }

        int first = field.Offset / 8, end = (field.Offset + field.Bits + 7) / 8;
        return (Number(header[first..end]) >> (end * 8 - field.Offset - field.Bits)) & Values.Ones(field.Bits);
    }

    private static BigInteger Number(ReadOnlySpan<byte> bytes) => new(bytes, isUnsigned: true, isBigEndian: true);
}
