using System.Globalization;
using System.Numerics;
using System.Text;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>
/// Prints the headers of a traced packet as matches, layer by layer, in nft's order: addresses first, then what tells packets apart; checksums and sequence numbers are
/// left out. What a layer's protocol is follows from the layer before. A field is found where the one before it ends, among those nft has not passed yet; what is left, and
/// headers that are not known, are printed as bits.
/// </summary>
internal sealed class TracedPacketPrinter(StringBuilder text, ListingOptions options)
{
    private const ushort EthernetInterface = 1;
    private const int EthernetLength = 14;
    private const int TagLength = 4;
    private const byte CustomerTag = 0x81;

    private readonly NodePrinter _nodes = new(text, options);

    // In nft's order: where the packet ends before a field, those after it are not told either. Of headers that are not here, all but the checksum is shown.
    private static readonly Dictionary<HeaderProtocol, string[]> Shown = new()
    {
        [Headers.Ethernet] = ["saddr", "daddr", "type"],
        [Headers.Vlan] = ["pcp", "dei", "id", "type"],
        [Headers.Arp] = ["operation"],
        [Headers.Ip] = ["saddr", "daddr", "dscp", "ecn", "ttl", "id", "protocol", "length"],
        [Headers.Ip6] = ["saddr", "daddr", "dscp", "ecn", "hoplimit", "flowlabel", "nexthdr", "length"],
        [Headers.Tcp] = ["sport", "dport", "flags", "window"],
        [Headers.Udp] = ["sport", "dport", "length"],
        [Headers.UdpLite] = ["sport", "dport", "csumcov", "checksum"],
        [Headers.Sctp] = ["sport", "dport", "vtag"],
        [Headers.Ah] = ["spi", "hdrlength", "nexthdr"],
        [Headers.Icmp] = ["type", "code", "id", "sequence"],
        [Headers.Icmp6] = ["type", "code", "parameter-problem"],
    };

    public void Print(NftablesTrace step)
    {
        Interface("iif", step.InputInterface);
        Interface("oif", step.OutputInterface);
        // Of a frame's header nft knows Ethernet's alone, by the interface's type.
        bool isEthernet = step.InputInterfaceType == EthernetInterface || step.OutputInterfaceType == EthernetInterface;
        ReadOnlySpan<byte> link = step.LinkHeader is { } bytes ? bytes.Span : [];
        HeaderProtocol? above = link.Length >= EthernetLength ? Headers.Ethernet.Find((uint)(link[12] << 8 | link[13])) : null;
        bool isTagged = isEthernet && above == Headers.Vlan && link.Length >= EthernetLength + TagLength;
        HeaderProtocol? network = NetworkProtocol(step, isTagged ? Headers.Vlan.Find((uint)(link[16] << 8 | link[17])) : above);
        if (isTagged)
        {
            // The type of a customer's tag goes without saying, that of a provider's does not.
            Layer(link[..EthernetLength], Headers.Ethernet, HeaderBase.Link, link[12] != CustomerTag);
            Layer(link[EthernetLength..], Headers.Vlan, HeaderBase.Link, network is null);
        }
        else if (link.Length > 0)
        {
            Layer(link, isEthernet ? Headers.Ethernet : null, HeaderBase.Link, network is null);
        }

        HeaderProtocol? transport = null;
        if (step.NetworkHeader is { IsEmpty: false } header)
        {
            transport = network is null ? null : TransportProtocol(network, header.Span);
            Layer(header.Span, network, HeaderBase.Network, transport is null || step.Family is not (NftablesFamily.Ip or NftablesFamily.Ip6));
        }

        if (step.TransportHeader is { IsEmpty: false } rest)
        {
            Layer(rest.Span, transport, HeaderBase.Transport, true);
        }
    }

    private static HeaderProtocol? NetworkProtocol(NftablesTrace step, HeaderProtocol? aboveLink) => step.Protocol switch
    {
        Nfnetlink.NFPROTO_IPV4 => Headers.Ip,
        Nfnetlink.NFPROTO_IPV6 => Headers.Ip6,
        Nfnetlink.NFPROTO_ARP => Headers.Arp,
        _ => aboveLink is { Base: HeaderBase.Network } ? aboveLink : null,
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
        int end = 0;
        if (protocol is not null)
        {
            List<int> found = Expand(protocol, header.Length * 8, out end);
            IEnumerable<int> shown = Shown.TryGetValue(protocol, out string[]? names)
                ? names.Select(name => Array.FindIndex(protocol.Fields, field => field?.Name == name)).TakeWhile(found.Contains)
                : found.Where(index => protocol.Fields[index]!.Name != "checksum");
            foreach (int index in shown.Where(index => withProtocol || index != protocol.ProtocolField || protocol.Base == HeaderBase.Transport))
            {
                Match(PayloadNode.Of(protocol, index), Field(header, protocol.Fields[index]!));
            }
        }

        // Of ARP nft says the operation and nothing else.
        if (header.Length * 8 > end && protocol != Headers.Arp)
        {
            Match(PayloadNode.Raw(@base, end, header.Length * 8 - end), Number(header[(end / 8)..]));
        }
    }

    private static List<int> Expand(HeaderProtocol protocol, int bits, out int end)
    {
        var found = new List<int>();
        end = 0;
        for (int index = 0; index < protocol.Fields.Length; index++)
        {
            if (protocol.Fields[index] is { } field && field.Offset == end && end + field.Bits <= bits)
            {
                found.Add(index);
                end += field.Bits;
            }
        }

        return found;
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
