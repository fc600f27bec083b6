using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace EucaNet.Simulator.Recording;

/// <summary>What a capture interface carries (LINKTYPE_*).</summary>
public enum CaptureLinkType : ushort
{
    /// <summary>Ethernet frames.</summary>
    Ethernet = 1,

    /// <summary>Netlink datagrams behind a 16-octet header that names the protocol.</summary>
    Netlink = 253,
}

/// <summary>
/// Writes pcapng (draft-ietf-opsawg-pcapng): several interfaces in one file, each with its name, timestamps in nanoseconds,
/// a direction and a comment where there is one. Blocks are written in the order of the calls.
/// </summary>
public sealed class PcapngWriter : IDisposable
{
    private const uint SectionHeader = 0x0a0d0d0a;
    private const uint InterfaceDescription = 1;
    private const uint EnhancedPacket = 6;
    private const uint ByteOrderMagic = 0x1a2b3c4d;
    private const ushort OptionComment = 1, OptionInterfaceName = 2, OptionTimestampResolution = 9, OptionPacketFlags = 2;

    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private int _interfaces;

    /// <summary>Begins a section in <paramref name="stream"/>.</summary>
    /// <param name="stream">Where it goes.</param>
    /// <param name="application">Who writes it, for the header.</param>
    /// <param name="leaveOpen">The stream stays open when this is disposed.</param>
    public PcapngWriter(Stream stream, string application = "EucaNet", bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        _stream = stream;
        _leaveOpen = leaveOpen;
        var body = new BlockBody();
        body.UInt32(ByteOrderMagic);
        body.UInt16(1);
        body.UInt16(0);
        body.UInt64(ulong.MaxValue);
        body.Option(4, Encoding.UTF8.GetBytes(application));
        body.EndOptions();
        Write(SectionHeader, body);
    }

    /// <summary>Adds an interface; returns its number for <see cref="Packet"/>.</summary>
    public int AddInterface(string name, CaptureLinkType linkType)
    {
        ArgumentNullException.ThrowIfNull(name);
        var body = new BlockBody();
        body.UInt16((ushort)linkType);
        body.UInt16(0);
        body.UInt32(0);
        body.Option(OptionInterfaceName, Encoding.UTF8.GetBytes(name));
        body.Option(OptionTimestampResolution, [9]);
        body.EndOptions();
        Write(InterfaceDescription, body);
        return _interfaces++;
    }

    /// <summary>Adds a packet.</summary>
    /// <param name="interfaceNumber">From <see cref="AddInterface"/>.</param>
    /// <param name="time">When, from the epoch of the capture on.</param>
    /// <param name="bytes">The whole packet.</param>
    /// <param name="outgoing">It left; otherwise it came in.</param>
    /// <param name="comment">Shown beside the packet; null for none.</param>
    public void Packet(int interfaceNumber, DateTimeOffset time, ReadOnlySpan<byte> bytes, bool outgoing, string? comment = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(interfaceNumber, _interfaces);
        ulong nanoseconds = (ulong)(time - DateTimeOffset.UnixEpoch).Ticks * 100;
        var body = new BlockBody();
        body.UInt32((uint)interfaceNumber);
        body.UInt32((uint)(nanoseconds >> 32));
        body.UInt32((uint)nanoseconds);
        body.UInt32((uint)bytes.Length);
        body.UInt32((uint)bytes.Length);
        body.Padded(bytes);
        if (comment is not null)
        {
            body.Option(OptionComment, Encoding.UTF8.GetBytes(comment));
        }

        byte[] flags = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(flags, outgoing ? 2u : 1u);
        body.Option(OptionPacketFlags, flags);
        body.EndOptions();
        Write(EnhancedPacket, body);
    }

    /// <summary>Flushes, and closes the stream unless it is to stay open.</summary>
    public void Dispose()
    {
        _stream.Flush();
        if (!_leaveOpen)
        {
            _stream.Dispose();
        }
    }

    private void Write(uint type, BlockBody body)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(number, type);
        _stream.Write(number);
        BinaryPrimitives.WriteUInt32LittleEndian(number, (uint)(body.Length + 12));
        _stream.Write(number);
        _stream.Write(body.Bytes);
        _stream.Write(number);
    }

    private sealed class BlockBody
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();

        public int Length => _bytes.WrittenCount;

        public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

        public void UInt16(ushort value)
        {
            Span<byte> bytes = stackalloc byte[2];
            BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
            _bytes.Write(bytes);
        }

        public void UInt32(uint value)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
            _bytes.Write(bytes);
        }

        public void UInt64(ulong value)
        {
            UInt32((uint)value);
            UInt32((uint)(value >> 32));
        }

        public void Padded(ReadOnlySpan<byte> bytes)
        {
            _bytes.Write(bytes);
            _bytes.Write(stackalloc byte[-Length & 3]);
        }

        public void Option(ushort code, ReadOnlySpan<byte> value)
        {
            UInt16(code);
            UInt16((ushort)value.Length);
            Padded(value);
        }

        public void EndOptions() => UInt32(0);
    }
}
