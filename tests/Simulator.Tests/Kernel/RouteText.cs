using System.Text;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>
/// Messages of rtnetlink as text that is the same on two kernels which did the same. Left out is what comes with time (carrier, ages, timers) and MACs that a
/// kernel drew.
/// </summary>
internal static class RouteText
{
    private const ushort NewLink = 16, DeleteLink = 17, NewAddress = 20, DeleteAddress = 21, NewRoute = 24, DeleteRoute = 25, NewNeighbour = 28, DeleteNeighbour = 29, NewVlan = 112, DeleteVlan = 113;

    /// <summary>IFLA_AF_SPEC of what a bridge says of its ports.</summary>
    private const ushort VlansOfPort = 26;

    /// <summary>IFF_RUNNING and IFF_LOWER_UP.</summary>
    private const uint CarrierFlags = 0x10040;

    /// <summary>Of a link is told what requests change: name, MTU, queue length, link, master, alias, group, promiscuity, all-multicast, alternative names, options.</summary>
    private static readonly ushort[] LinkAttributes = [3, 4, 5, 10, 13, 18, 20, 27, 30, 52, 61];

    /// <summary>Of the options of bridges: identities by MAC, timers, and who asks for groups.</summary>
    private static readonly ushort[] BridgeOptions = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 47];

    /// <summary>Of those of ports: state and cost follow the carrier; identities; timers.</summary>
    private static readonly ushort[] PortOptions = [1, 3, 13, 14, 18, 19, 21, 22, 23];

    /// <summary>An event.</summary>
    public static string Event(ReadOnlySpan<byte> message)
    {
        ushort type = BitConverter.ToUInt16(message[4..]);
        ushort flags = BitConverter.ToUInt16(message[6..]);
        var text = new StringBuilder($"{type} flags {flags:x} ");
        ReadOnlySpan<byte> payload = message[16..];
        if (type is NewLink or DeleteLink)
        {
            uint state = BitConverter.ToUInt32(payload[8..]) & ~CarrierFlags;
            text.Append($"family {payload[0]} index {BitConverter.ToInt32(payload[4..])} state {state:x} change {BitConverter.ToUInt32(payload[12..]):x}");
            Link(text, payload[16..], isPort: payload[0] == 7);
            return text.ToString();
        }

        int header = type is NewAddress or DeleteAddress or NewVlan or DeleteVlan ? 8 : 12;
        byte[] start = payload[..header].ToArray();
        if (type is NewRoute or DeleteRoute)
        {
            // RTNH_F_LINKDOWN follows the carrier.
            start[8] &= 0xef;
        }

        text.Append(Convert.ToHexString(start));
        var walk = new AttributeReader(payload[header..]);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            bool isAge = type is NewAddress or DeleteAddress && attribute.Type == 6 || type is NewNeighbour or DeleteNeighbour && attribute.Type is 3 or 4;
            text.Append($" {attribute.Type}=").Append(isAge ? "" : type is NewRoute or DeleteRoute && attribute.Type == 9 ? Hops(attribute.Value) : Value(attribute.Value));
        }

        return text.ToString();
    }

    /// <summary>The next hops of a route, without the flag that follows the carrier (RTNH_F_LINKDOWN).</summary>
    public static string Hops(ReadOnlySpan<byte> value)
    {
        byte[] hops = value.ToArray();
        for (int at = 0; at + 8 <= hops.Length; at += Math.Max(8, BitConverter.ToUInt16(hops, at) + 3 & ~3))
        {
            hops[at + 2] &= 0xef;
        }

        return Convert.ToHexString(hops);
    }

    /// <summary>A value, unless it is a MAC that no request named.</summary>
    public static string Value(ReadOnlySpan<byte> value) => value.Length == 6 && value[2] + value[3] > 0 ? "drawn" : Convert.ToHexString(value);

    /// <summary>A port's event comes with the carrier, too, and has its MTU, of which nobody told as a port's: that is left to the link's own.</summary>
    private static void Link(StringBuilder text, ReadOnlySpan<byte> attributes, bool isPort)
    {
        var walk = new AttributeReader(attributes);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == 18)
            {
                Information(text, attribute.Value);
            }
            else if (LinkAttributes.Contains(attribute.Type) && !(isPort && attribute.Type == 4))
            {
                text.Append($" {attribute.Type}={Convert.ToHexString(attribute.Value)}");
            }
            else if (isPort && attribute.Type == VlansOfPort)
            {
                text.Append($" vlans {Convert.ToHexString(attribute.Value)}");
            }
            else if (attribute.Type == 12)
            {
                text.Append(" 12=");
                Options(text, attribute.Value, PortOptions);
            }
        }
    }

    private static void Information(StringBuilder text, ReadOnlySpan<byte> attributes)
    {
        var walk = new AttributeReader(attributes);
        string kind = "";
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type is 1 or 4)
            {
                kind = attribute.String;
                text.Append($" {kind}");
            }
            else if (kind == "vlan")
            {
                Options(text, attribute.Value, []);
            }
            else if (kind == "bridge")
            {
                Options(text, attribute.Value, attribute.Type == 5 ? PortOptions : BridgeOptions);
            }
        }
    }

    private static void Options(StringBuilder text, ReadOnlySpan<byte> attributes, ushort[] masked)
    {
        text.Append('{');
        var walk = new AttributeReader(attributes);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            text.Append(masked.Contains(attribute.Type) ? "" : $" {attribute.Type}={Convert.ToHexString(attribute.Value)}");
        }

        text.Append('}');
    }
}
