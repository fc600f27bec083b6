using System.Buffers;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel.Sockets;

/// <summary>
/// A dump under way. The messages are made one by one while parts are filled, so changes between two parts show, and are
/// marked with NLM_F_DUMP_INTR, as in the kernel.
/// </summary>
/// <param name="request">The header of the request.</param>
/// <param name="portId">Who asked.</param>
/// <param name="messages">Each message complete with header; sequence, port id and NLM_F_MULTI are filled in here.</param>
internal sealed class NetlinkDump(NetlinkHeader request, uint portId, IEnumerable<byte[]> messages)
{
    private readonly IEnumerator<byte[]> _messages = messages.GetEnumerator();
    private byte[]? _pending;
    private bool _exhausted;
    private uint _generation;

    /// <summary>What the parts must have room for at least.</summary>
    public int MinimumPartSize { get; init; }

    /// <summary>NLMSG_DONE stands in the last datagram with messages; otherwise in one of its own. Differs from dump to dump and kernel to kernel.</summary>
    public bool DoneRidesAlong { get; init; }

    /// <summary>Counts changes of what is dumped; null where the kernel doesn't look.</summary>
    public Func<uint>? Generation { get; init; }

    /// <summary>Flags that stand on every message of the dump, NLMSG_DONE included (NLM_F_DUMP_FILTERED).</summary>
    public NetlinkMessageFlags ExtraFlags { get; init; }

    /// <summary>NLMSG_DONE has <see cref="ExtraFlags"/> too.</summary>
    public bool DoneHasExtraFlags { get; init; } = true;

    /// <summary>Parts made so far.</summary>
    public int Parts { get; set; }

    /// <summary>What NLMSG_DONE reports: 0, or a negative errno.</summary>
    public int Result { get; set; }

    /// <summary>Attributes of an extended acknowledgement to stand in NLMSG_DONE.</summary>
    public byte[] ResultAttributes { get; set; } = [];

    /// <summary>The next datagram of at most <paramref name="size"/> bytes.</summary>
    public byte[] NextPart(int size, out bool finished, bool forceInterrupted = false)
    {
        byte[] part = ArrayPool<byte>.Shared.Rent(size + 4);
        try
        {
            return Fill(part, size, out finished, forceInterrupted);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(part);
        }
    }

    private byte[] Fill(Span<byte> part, int size, out bool finished, bool forceInterrupted)
    {
        int length = 0;
        uint generation = Generation?.Invoke() ?? 0;
        NetlinkMessageFlags interrupted = forceInterrupted || (_generation != 0 && generation != _generation) ? NetlinkMessageFlags.DumpInterrupted : 0;
        while (TryPeek(out byte[] message))
        {
            if (length + message.Length > size)
            {
                if (length == 0)
                {
                    _exhausted = true;
                    Result = -(int)LinuxError.EMSGSIZE;
                    break;
                }

                _generation = generation;
                finished = false;
                return part[..length].ToArray();
            }

            _generation = generation;
            Stamp(message, NetlinkMessageFlags.Multi | ExtraFlags | interrupted);
            message.CopyTo(part[length..]);
            length += message.Length;
            for (; (length & 3) != 0; length++)
            {
                part[length] = 0;
            }

            _pending = null;
        }

        if (length > 0 && (!DoneRidesAlong || length + 20 > size))
        {
            finished = false;
            return part[..length].ToArray();
        }

        finished = true;
        byte[] last = new byte[length + 20 + ResultAttributes.Length];
        part[..length].CopyTo(last);
        Span<byte> done = last.AsSpan(length);
        MemoryMarshal.Write(done, new NetlinkHeader((uint)done.Length, NetlinkMessageType.Done, 0, 0, 0));
        MemoryMarshal.Write(done[16..], Result);
        ResultAttributes.CopyTo(done[20..]);
        Stamp(done, NetlinkMessageFlags.Multi | (DoneHasExtraFlags ? ExtraFlags : 0) | interrupted | (ResultAttributes.Length > 0 ? NetlinkMessageFlags.ExtendedAcknowledgement : 0));
        return last;
    }

    private bool TryPeek(out byte[] message)
    {
        if (_pending is null && !_exhausted)
        {
            if (_messages.MoveNext())
            {
                _pending = _messages.Current;
            }
            else
            {
                _exhausted = true;
            }
        }

        message = _pending ?? [];
        return _pending is not null && !_exhausted;
    }

    private void Stamp(Span<byte> message, NetlinkMessageFlags flags)
    {
        var header = MemoryMarshal.Read<NetlinkHeader>(message);
        MemoryMarshal.Write(message, header with { Flags = header.Flags | flags, Sequence = request.Sequence, PortId = portId });
    }
}
