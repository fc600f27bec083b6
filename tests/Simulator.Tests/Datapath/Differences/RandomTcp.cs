using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>
/// Two ends of a TCP connection that keep their word more often than not: mostly the next segment of a plain conversation, else one whose numbers lie near the edges of what
/// was sent and announced, or whose flags belong elsewhere.
/// </summary>
internal sealed class RandomTcp(RandomSource random, ushort port)
{
    private const ushort Service = 80;

    private readonly End[] _ends = [new(random.NextUInt32()), new(random.NextUInt32())];
    private readonly List<uint> _edges = [];
    private int _step = random.Next(5) == 0 ? 2 : 0;

    /// <summary>The next segment of 10.1.0.2 to 10.2.0.2, or back.</summary>
    public (bool Back, byte[] Segment) Next()
    {
        bool back = _step == 1 ? random.Next(5) != 0 : _step == 0 ? random.Next(8) == 0 : random.Next(2) == 0;
        End from = _ends[back ? 1 : 0], to = _ends[back ? 0 : 1];
        TcpFlags flags = random.Next(5) == 0 ? AnyFlags() : NextFlags();
        byte[] options = Options(flags, to);
        int data = (flags & (TcpFlags.Synchronize | TcpFlags.Reset)) == 0 && random.Next(3) == 0 ? random.Next(60) : 0;
        byte[] segment = new byte[20 + options.Length + data];
        var tcp = new TcpHeader(segment);
        uint sequence = random.Next(6) == 0 ? Near(from.Next) : from.Next;
        uint acknowledgement = (flags & TcpFlags.Acknowledge) == 0 ? 0 : random.Next(6) == 0 ? Near(to.Next) : to.Next;
        ushort window = Pick<ushort>(0, 1, 40, 1000, 1000, 1000, 65535);
        tcp.Write(back ? Service : port, back ? port : Service, sequence, acknowledgement, flags, window);
        segment[12] = (byte)(5 + options.Length / 4 << 4);
        options.CopyTo(segment, 20);
        uint end = sequence + (uint)tcp.SequenceLength;
        from.Next = random.Next(4) == 0 ? from.Next : end;
        _edges.AddRange([sequence, end, acknowledgement + window]);
        ReadOnlySpan<byte> near = [10, 1, 0, 2], far = [10, 2, 0, 2];
        tcp.Checksum = 0;
        tcp.Checksum = InternetChecksum.Fold(InternetChecksum.Add(InternetChecksum.PseudoHeader(back ? far : near, back ? near : far, IpProtocol.Tcp, segment.Length), segment));
        return (back, segment);
    }

    private TcpFlags NextFlags() => _step++ switch
    {
        0 => TcpFlags.Synchronize,
        1 => TcpFlags.Synchronize | TcpFlags.Acknowledge,
        < 6 => TcpFlags.Acknowledge,
        < 9 => random.Next(3) == 0 ? TcpFlags.Finish | TcpFlags.Acknowledge : TcpFlags.Acknowledge,
        _ => Pick(TcpFlags.Reset, TcpFlags.Acknowledge, TcpFlags.Acknowledge, TcpFlags.Synchronize, TcpFlags.Finish | TcpFlags.Acknowledge),
    };

    private TcpFlags AnyFlags() => random.Next(10) == 0 ? (TcpFlags)random.Next(64)
        : Pick(TcpFlags.Synchronize, TcpFlags.Synchronize, TcpFlags.Synchronize | TcpFlags.Acknowledge, TcpFlags.Finish | TcpFlags.Acknowledge, TcpFlags.Acknowledge, TcpFlags.Reset,
            TcpFlags.Reset | TcpFlags.Acknowledge);

    /// <summary>A number at the edge of something that was sent or announced.</summary>
    private uint Near(uint usual)
    {
        if (random.Next(8) == 0)
        {
            return random.Next(2) == 0 ? 0 : random.NextUInt32();
        }

        uint edge = _edges.Count > 0 && random.Next(2) == 0 ? _edges[random.Next(_edges.Count)] : usual;
        return edge + (uint)Pick(-66001, -65536, -1001, -1000, -41, -40, -2, -1, 0, 1, 2, 39, 40, 41, 999, 1000, 1001, 65535, 66001);
    }

    private byte[] Options(TcpFlags flags, End to)
    {
        if (random.Next(2) == 0)
        {
            return [];
        }

        if ((flags & TcpFlags.Synchronize) == 0)
        {
            uint right = random.Next(3) == 0 ? Near(to.Next) : to.Next;
            return [1, 1, 5, 10, 0, 0, 0, 1, (byte)(right >> 24), (byte)(right >> 16), (byte)(right >> 8), (byte)right];
        }

        return random.Next(4) switch
        {
            0 => [3, 3, (byte)random.Next(16), 1],
            1 => [4, 2, 1, 1],
            2 => [2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7, 1, 1],
            _ => [8, 10, 0, 0, 0, 1, 0, 0, 0, 0, (byte)random.Next(5), (byte)random.Next(5)],
        };
    }

    private T Pick<T>(params ReadOnlySpan<T> values) => values[random.Next(values.Length)];

    private sealed class End(uint first)
    {
        public uint Next { get; set; } = first;
    }
}
