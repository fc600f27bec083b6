using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>arptables' target that writes addresses into an ARP packet (arpt_mangle.c).</summary>
internal static class ArpMangling
{
    private const byte SenderMac = 1, TargetMac = 2, Sender = 4, Target = 8;

    /// <summary>Fields follow each other with the lengths that the packet says; one that the packet is too short for, or the rule's value, drops it.</summary>
    public static int Run(ReadOnlySpan<byte> data, Packet packet)
    {
        const int HeaderSize = 8, LongestHardware = 16, LongestProtocol = 4;
        Span<byte> network = packet.Network;
        byte asked = data[40];
        int hardware = network[4], protocol = network[5], at = HeaderSize;
        ReadOnlySpan<(byte Field, int Length, int Longest, int Value)> fields =
            [(SenderMac, hardware, LongestHardware, 0), (Sender, protocol, LongestProtocol, 32), (TargetMac, hardware, LongestHardware, 16), (Target, protocol, LongestProtocol, 36)];
        foreach ((byte field, int length, int longest, int value) in fields)
        {
            if ((asked & field) != 0)
            {
                if (length > longest || at + length > network.Length)
                {
                    return NF_DROP;
                }

                data.Slice(value, length).CopyTo(network[at..]);
            }

            at += length;
        }

        return BinaryPrimitives.ReadInt32LittleEndian(data[44..]);
    }
}
