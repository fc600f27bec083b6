using System.Buffers.Binary;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Netlink.Recording;

/// <summary>
/// Writes datagrams as a pcap file with link type 253 (LINKTYPE_NETLINK), which Wireshark and tshark read: each behind a 16-byte cooked header that
/// holds direction, hardware type 824 and the netlink family in network byte order.
/// </summary>
public sealed class PcapRecorder : INetlinkRecorder, IDisposable
{
    private const uint Magic = 0xa1b2c3d4;
    private const ushort ARPHRD_NETLINK = 824;
    private const ushort PACKET_OUTGOING = 4;
    private const int RecordHeader = 16;
    private const int CookedHeader = 16;

    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly Lock _gate = new();

    /// <summary>Begins a file.</summary>
    /// <param name="stream">Where to write; disposed with the recorder unless <paramref name="leaveOpen"/>.</param>
    /// <param name="leaveOpen">Leave the stream open.</param>
    public PcapRecorder(Stream stream, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        _stream = stream;
        _leaveOpen = leaveOpen;
        Span<byte> header = stackalloc byte[24];
        header.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], 0x40000);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 253);
        _stream.Write(header);
    }

    /// <inheritdoc />
    public void Record(NetlinkProtocol protocol, bool isSent, DateTimeOffset time, ReadOnlySpan<byte> datagram)
    {
        Span<byte> header = stackalloc byte[RecordHeader + CookedHeader];
        header.Clear();
        long microseconds = time.ToUnixTimeMilliseconds() * 1000 + time.Ticks % TimeSpan.TicksPerMillisecond / 10;
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)(microseconds / 1_000_000));
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], (uint)(microseconds % 1_000_000));
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], (uint)(datagram.Length + CookedHeader));
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], (uint)(datagram.Length + CookedHeader));
        Span<byte> cooked = header[RecordHeader..];
        BinaryPrimitives.WriteUInt16BigEndian(cooked, isSent ? PACKET_OUTGOING : (ushort)0);
        BinaryPrimitives.WriteUInt16BigEndian(cooked[2..], ARPHRD_NETLINK);
        BinaryPrimitives.WriteUInt16BigEndian(cooked[14..], (ushort)protocol);
        lock (_gate)
        {
            _stream.Write(header);
            _stream.Write(datagram);
        }
    }

    /// <summary>Writes what is buffered and closes the stream.</summary>
    public void Dispose()
    {
        _stream.Flush();
        if (!_leaveOpen)
        {
            _stream.Dispose();
        }
    }
}
