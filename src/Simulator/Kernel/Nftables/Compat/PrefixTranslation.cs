using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Internet;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>SNPT and DNPT: one IPv6 prefix for another, without a state (ip6t_NPT.c, RFC 6296). A word of the address evens out the change, so that checksums hold.</summary>
internal static class PrefixTranslation
{
    public static int Run(ReadOnlySpan<byte> data, HookContext context, bool ofSource)
    {
        Packet packet = context.Packet;
        Span<byte> network = packet.Network;
        if (!Map(data, ofSource ? network.Slice(8, 16) : network.Slice(24, 16)))
        {
            context.Stack.Internet(InternetAddress.V6).Icmp.SendError(packet, context.Input, Icmpv6Type.ParameterProblem, 0, ofSource ? 8u : 24u);
            return NF_DROP;
        }

        // The packet that an error quotes has the address at its other end.
        if (packet is { TransportProtocol: IpProtocol.Icmpv6, FragmentOffset: 0 } && packet.Transport.Length >= 8 + Ipv6Header.Size && packet.Transport[0] is > 0 and < 128)
        {
            Span<byte> quoted = packet.Transport.Slice(8, Ipv6Header.Size);
            Span<byte> address = ofSource ? quoted.Slice(24, 16) : quoted.Slice(8, 16);
            if (HasPrefix(address, data[..16], data[32]))
            {
                Map(data, address);
            }
        }

        return TargetEvaluation.Continue;
    }

    private static bool Map(ReadOnlySpan<byte> data, Span<byte> address)
    {
        int length = Math.Max(data[32], data[33]);
        for (int bit = 0; bit < length; bit += 32)
        {
            uint keep = length - bit >= 32 ? 0 : (1u << (bit - length + 32)) - 1;
            Span<byte> word = address[(bit / 8)..];
            BinaryPrimitives.WriteUInt32BigEndian(word, (BinaryPrimitives.ReadUInt32BigEndian(word) & keep) | BinaryPrimitives.ReadUInt32BigEndian(data[(16 + bit / 8)..]));
        }

        int at = 3;
        if (length > 48)
        {
            for (at = 4; at < 8 && BinaryPrimitives.ReadUInt16BigEndian(address[(at * 2)..]) == ushort.MaxValue; at++)
            {
            }

            if (at == 8)
            {
                return false;
            }
        }

        uint adjustment = (ushort)~InternetChecksum.Fold(InternetChecksum.Add(InternetChecksum.Of(data.Slice(16, 16)), data[..16]));
        ushort sum = (ushort)~InternetChecksum.Fold(BinaryPrimitives.ReadUInt16BigEndian(address[(at * 2)..]) + adjustment);
        BinaryPrimitives.WriteUInt16BigEndian(address[(at * 2)..], sum == ushort.MaxValue ? (ushort)0 : sum);
        return true;
    }

    private static bool HasPrefix(ReadOnlySpan<byte> address, ReadOnlySpan<byte> prefix, int length)
    {
        for (int index = 0; index * 8 < length; index++)
        {
            int mask = 0xff << Math.Max(0, 8 - (length - index * 8));
            if (((address[index] ^ prefix[index]) & mask & 0xff) != 0)
            {
                return false;
            }
        }

        return true;
    }
}
