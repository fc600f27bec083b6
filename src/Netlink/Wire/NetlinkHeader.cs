using System.Runtime.InteropServices;

namespace EucaNet.Netlink.Wire;

/// <summary>
/// The 16 octets in front of every netlink message (<c>struct nlmsghdr</c>, host byte order):
/// length u32, type u16, flags u16, sequence u32, port id u32.
/// </summary>
/// <param name="Length">Length of header and payload in bytes, without trailing padding.</param>
/// <param name="Type">Message type; below 16 a control message (<see cref="NetlinkMessageType"/>).</param>
/// <param name="Flags">Flags of request, reply or acknowledgement.</param>
/// <param name="Sequence">Chosen by the requester, repeated in each reply; 0 in multicast messages.</param>
/// <param name="PortId">The requester's port id in replies; 0 in requests.</param>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public readonly record struct NetlinkHeader(uint Length, ushort Type, NetlinkMessageFlags Flags, uint Sequence, uint PortId)
{
    /// <summary>Bytes of the header on the wire.</summary>
    public const int Size = 16;
}

/// <summary>The control message types that every netlink family shares (linux/netlink.h).</summary>
public static class NetlinkMessageType
{
    /// <summary>Nothing; to be skipped.</summary>
    public const ushort Noop = 1;

    /// <summary>An acknowledgement or an error: <c>struct nlmsgerr</c>, then extended-acknowledgement attributes.</summary>
    public const ushort Error = 2;

    /// <summary>The end of a dump; its payload may hold a negative errno and extended-acknowledgement attributes.</summary>
    public const ushort Done = 3;

    /// <summary>Data lost.</summary>
    public const ushort Overrun = 4;

    /// <summary>The first type that belongs to a family.</summary>
    public const ushort FirstOfFamily = 16;
}

/// <summary>Flags of a netlink header (linux/netlink.h). The upper byte means different things per verb.</summary>
[Flags]
public enum NetlinkMessageFlags : ushort
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>A request to the kernel (NLM_F_REQUEST).</summary>
    Request = 0x01,

    /// <summary>One of several messages, closed by <see cref="NetlinkMessageType.Done"/> (NLM_F_MULTI).</summary>
    Multi = 0x02,

    /// <summary>Answer with an acknowledgement (NLM_F_ACK).</summary>
    Acknowledge = 0x04,

    /// <summary>Send the resulting notification to the requester also (NLM_F_ECHO).</summary>
    Echo = 0x08,

    /// <summary>What is dumped changed meanwhile: the dump is not consistent (NLM_F_DUMP_INTR).</summary>
    DumpInterrupted = 0x10,

    /// <summary>The dump was filtered as asked (NLM_F_DUMP_FILTERED).</summary>
    DumpFiltered = 0x20,

    /// <summary>Get: the whole tree (NLM_F_ROOT).</summary>
    Root = 0x100,

    /// <summary>Get: all matching (NLM_F_MATCH).</summary>
    Match = 0x200,

    /// <summary>Get: everything (NLM_F_DUMP).</summary>
    Dump = Root | Match,

    /// <summary>New: replace what exists (NLM_F_REPLACE).</summary>
    Replace = 0x100,

    /// <summary>New: fail if it exists (NLM_F_EXCL).</summary>
    Exclusive = 0x200,

    /// <summary>New: create if it is absent (NLM_F_CREATE).</summary>
    Create = 0x400,

    /// <summary>New: add to the end of the list (NLM_F_APPEND).</summary>
    Append = 0x800,

    /// <summary>Delete: do not delete recursively (NLM_F_NONREC).</summary>
    NonRecursive = 0x100,

    /// <summary>Delete: delete several objects (NLM_F_BULK).</summary>
    Bulk = 0x200,

    /// <summary>Acknowledgement: the request's payload is left out (NLM_F_CAPPED).</summary>
    Capped = 0x100,

    /// <summary>Acknowledgement: extended-acknowledgement attributes follow (NLM_F_ACK_TLVS).</summary>
    ExtendedAcknowledgement = 0x200,
}
