using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Nftables.Expressions;

namespace EucaNet.Simulator.Datapath.Proxy;

/// <summary>
/// Numbers of a server that say by themselves, when they come back, that it sent them, when, and what segment size it was told (syncookies.c). The hash is of another kind
/// than the kernel's, whose secret nobody knows either.
/// </summary>
internal sealed class SynCookies(SimulatedKernel kernel)
{
    private const uint CountedMask = 0xffffff;
    private const int CountBits = 24;

    /// <summary>Minutes after which a number is worth nothing.</summary>
    private const uint MostAge = 2;

    private static readonly ushort[] SegmentSizes4 = [536, 1300, 1440, 1460], SegmentSizes6 = [1220, 1420, 1440, 8940];

    private uint? _first, _second;

    private uint Minute => (uint)kernel.Clock.Elapsed.TotalMinutes;

    /// <summary>The number for an answer to a SYN, that keeps the largest known segment size which is not above the one it offers.</summary>
    public uint Make(Packet packet, TcpHeader header, ushort segmentSize)
    {
        ushort[] sizes = SizesOf(packet);
        uint index = (uint)Math.Max(0, Array.FindLastIndex(sizes, size => size <= segmentSize)), minute = Minute;
        return Hash(packet, header, 0, ref _first) + header.Sequence + (minute << CountBits) + (Hash(packet, header, minute, ref _second) + index & CountedMask);
    }

    /// <summary>The segment size that the number which a segment acknowledges was made with; 0 where it is none of ours, or too old.</summary>
    public ushort Check(Packet packet, TcpHeader header)
    {
        uint minute = Minute, rest = header.Acknowledgement - 1 - Hash(packet, header, 0, ref _first) - (header.Sequence - 1);
        uint age = minute - (rest >> CountBits) & uint.MaxValue >> CountBits;
        if (age >= MostAge)
        {
            return 0;
        }

        ushort[] sizes = SizesOf(packet);
        uint index = rest - Hash(packet, header, minute - age, ref _second) & CountedMask;
        return index < sizes.Length ? sizes[index] : (ushort)0;
    }

    private static ushort[] SizesOf(Packet packet) => packet.IsIpv6 ? SegmentSizes6 : SegmentSizes4;

    private uint Hash(Packet packet, TcpHeader header, uint count, ref uint? secret)
    {
        secret ??= kernel.Random.NextUInt32();
        Span<byte> key = stackalloc byte[40];
        key.Clear();
        packet.SourceAddress.Write(key);
        packet.DestinationAddress.Write(key[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(key[32..], header.SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(key[34..], header.DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(key[36..], count);
        return JenkinsHash.Compute(key, secret.Value);
    }
}
