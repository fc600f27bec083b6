using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>Looks packets up in sets, and puts them in (ip_set_test, ip_set_add, ip_set_del as rules call them).</summary>
internal static class IpSetMatching
{
    /// <summary>The set holds the packet.</summary>
    /// <param name="set">The set.</param>
    /// <param name="dimensions">How many sides the rule names.</param>
    /// <param name="sides">Bit n: the n-th dimension (from 1) is the source's.</param>
    /// <param name="returnNoMatch">An element marked as no match counts, and no other.</param>
    /// <param name="context">The packet.</param>
    public static IpSetElement? Find(IpSet set, int dimensions, int sides, bool returnNoMatch, HookContext context)
    {
        if (dimensions < set.Type.Parts.Count || set.Family != NFPROTO_UNSPEC && set.Family != FamilyOf(context))
        {
            return null;
        }

        set.Expire(context.Stack.Kernel.Time.GetUtcNow());
        if (set.Type.Storage == IpSetStorage.List)
        {
            return set.Elements.Keys.Select(key => Find(context.Stack.Kernel.IpSets.Find(key.Member!.Value)!, dimensions, sides, returnNoMatch, context)).FirstOrDefault(found => found is not null);
        }

        if (KeyOf(set, sides, context) is not { } exact)
        {
            return null;
        }

        foreach (IpSetKey key in Candidates(set, exact))
        {
            if (set.Elements.TryGetValue(key, out IpSetElement? element))
            {
                return (element.Flags & IpSet.NoMatch) != 0 == returnNoMatch ? element : null;
            }
        }

        return null;
    }

    /// <summary>The set holds an element, or a network around it that is not marked as no match.</summary>
    public static bool Holds(IpSet set, IpSetKey wanted)
    {
        foreach (IpSetKey key in Candidates(set, wanted))
        {
            if ((!set.Type.HasNetworks || (key.FirstPrefix <= wanted.FirstPrefix && key.SecondPrefix <= wanted.SecondPrefix)) && set.Elements.TryGetValue(key, out IpSetElement? element))
            {
                return (element.Flags & IpSet.NoMatch) == 0;
            }
        }

        return false;
    }

    /// <summary>The key a packet has in a set; null where it has none (no ports, another interface).</summary>
    public static IpSetKey? KeyOf(IpSet set, int sides, HookContext context)
    {
        Packet packet = context.Packet;
        byte bits = set.Family == NFPROTO_IPV6 ? (byte)128 : (byte)32;
        var key = new IpSetKey();
        bool isFirst = true;
        for (int index = 0; index < set.Type.Parts.Count; index++)
        {
            bool source = (sides & (2 << index)) != 0;
            switch (set.Type.Parts[index])
            {
                case IpSetPart.Address or IpSetPart.Network:
                    int length = bits / 8, offset = length == 4 ? source ? 12 : 16 : source ? 8 : 24;
                    UInt128 address = InternetAddress.Read(set.Family, packet.Network[offset..]).Value & InternetAddress.Mask(set.Family, set.Netmask ?? bits);
                    key = isFirst ? key with { First = address, FirstPrefix = bits } : key with { Second = address, SecondPrefix = bits };
                    isFirst = false;
                    break;
                case IpSetPart.Port:
                    if (PortOf(packet, source) is not { } port)
                    {
                        return null;
                    }

                    key = key with { Port = port, Protocol = set.Type.Storage == IpSetStorage.Bitmap ? (byte)0 : packet.TransportProtocol };
                    break;
                case IpSetPart.Hardware:
                    if (packet.MacOffset < 0 || packet.LinkHeader.Length < 12)
                    {
                        return null;
                    }

                    key = key with { Hardware = IpSetElementReader.HardwareAddress(packet.LinkHeader[(source ? 6 : 0)..]) };
                    break;
                case IpSetPart.Interface:
                    if ((source ? context.Input : context.Output) is not { } device)
                    {
                        return null;
                    }

                    key = key with { Interface = device.Name };
                    break;
                default:
                    key = key with { Mark = packet.Mark };
                    break;
            }
        }

        return key;
    }

    /// <summary>The keys to be looked for, longest prefixes first; of a bitmap with hardware addresses also the one without.</summary>
    private static IEnumerable<IpSetKey> Candidates(IpSet set, IpSetKey exact)
    {
        if (!set.Type.HasNetworks)
        {
            return set.Type.Storage == IpSetStorage.Bitmap && exact.Hardware != 0 ? [exact, exact with { Hardware = 0 }] : [exact];
        }

        bool first = set.Type.Parts[0] == IpSetPart.Network, second = set.Type.Parts.Skip(1).Contains(IpSetPart.Network);
        return set.Elements.Keys
            .Select(key => (first ? key.FirstPrefix : exact.FirstPrefix, second ? key.SecondPrefix : exact.SecondPrefix))
            .Distinct()
            .OrderDescending()
            .Select(prefixes => exact with
            {
                First = exact.First & InternetAddress.Mask(set.Family, prefixes.Item1),
                FirstPrefix = prefixes.Item1,
                Second = exact.Second & InternetAddress.Mask(set.Family, prefixes.Item2),
                SecondPrefix = prefixes.Item2,
            });
    }

    /// <summary>A port, or an ICMP message's type and code.</summary>
    private static ushort? PortOf(Packet packet, bool source)
    {
        if (!packet.HasTransportProtocol || packet.FragmentOffset != 0)
        {
            return null;
        }

        ReadOnlySpan<byte> transport = packet.Transport;
        return packet.TransportProtocol switch
        {
            IpProtocol.Tcp or IpProtocol.Udp or 132 or 136 when transport.Length >= 4 => BinaryPrimitives.ReadUInt16BigEndian(transport[(source ? 0 : 2)..]),
            1 or 58 when transport.Length >= 2 => BinaryPrimitives.ReadUInt16BigEndian(transport),
            _ => null,
        };
    }

    private static byte FamilyOf(HookContext context) => context.Packet.Protocol == EtherType.Ipv6 ? (byte)NFPROTO_IPV6 : (byte)NFPROTO_IPV4;
}
