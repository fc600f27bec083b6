using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Faults;

namespace EucaNet.Simulator.Kernel.Sockets;

/// <summary>What a handler says about a message: success or an errno, with an extended acknowledgement.</summary>
/// <param name="Error">0, or the errno.</param>
/// <param name="Message">NLMSGERR_ATTR_MSG.</param>
/// <param name="Offset">NLMSGERR_ATTR_OFFS; 0 for none.</param>
/// <param name="Policy">NLMSGERR_ATTR_POLICY as nested attributes; null for none.</param>
/// <param name="Cookie">NLMSGERR_ATTR_COOKIE; null for none.</param>
/// <param name="MissingType">NLMSGERR_ATTR_MISS_TYPE; 0 for none.</param>
/// <param name="MissingNest">NLMSGERR_ATTR_MISS_NEST; 0 for none.</param>
internal sealed record Verdict(
    LinuxError Error, string? Message = null, int Offset = 0, byte[]? Policy = null, byte[]? Cookie = null, int MissingType = -1, int MissingNest = -1)
{
    public static Verdict Success { get; } = new(LinuxError.None);

    /// <summary>The handler has started a dump or answered itself: no acknowledgement from the dispatcher (-EINTR in the kernel).</summary>
    public static Verdict Answered { get; } = new(LinuxError.EINTR);

    public static implicit operator Verdict(LinuxError error) => error == LinuxError.None ? Success : new Verdict(error);

    /// <summary>The attributes of the extended acknowledgement.</summary>
    public byte[] Attributes()
    {
        if (Message is null && Offset == 0 && Policy is null && Cookie is null && MissingType < 0 && MissingNest < 0)
        {
            return [];
        }

        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        if (Message is not null)
        {
            writer.WriteString(1, Message);
        }

        if (Error != LinuxError.None)
        {
            if (Offset > 0)
            {
                writer.WriteUInt32(2, (uint)Offset);
            }

            if (Policy is not null)
            {
                writer.WriteBytes(4 | NetlinkWriter.NestedFlag, Policy);
            }

            if (MissingType >= 0)
            {
                writer.WriteUInt32(5, (uint)MissingType);
            }

            if (MissingNest >= 0)
            {
                writer.WriteUInt32(6, (uint)MissingNest);
            }
        }
        else if (Cookie is not null)
        {
            writer.WriteBytes(3, Cookie);
        }

        writer.Complete();
        return buffer.Written.ToArray();
    }
}

/// <summary>Handles one message of a datagram.</summary>
internal delegate Verdict MessageHandler(SimulatedNetlinkSocket socket, NetlinkMessage message);

/// <summary>What netlink_rcv_skb and netlink_ack do: walks a datagram's messages, calls the handler, acknowledges.</summary>
internal static class MessageDispatch
{
    public static void Run(SimulatedNetlinkSocket socket, ReadOnlySpan<byte> datagram, MessageHandler handler)
    {
        while (datagram.Length >= NetlinkHeader.Size)
        {
            var header = MemoryMarshal.Read<NetlinkHeader>(datagram);
            if (header.Length < NetlinkHeader.Size || header.Length > (uint)datagram.Length)
            {
                return;
            }

            var message = new NetlinkMessage(header, datagram[..(int)header.Length]);
            Verdict verdict = Verdict.Success;
            if ((header.Flags & NetlinkMessageFlags.Request) != 0 && header.Type >= NetlinkMessageType.FirstOfFamily)
            {
                verdict = socket.Kernel.Faults.Strike(FaultPoint.Request, socket.Protocol, socket.PortId, message.Bytes) is { Kind: FaultKind.Fail } fault
                    ? fault.Error
                    : handler(socket, message);
            }

            if (verdict != Verdict.Answered && (verdict.Error != LinuxError.None || (header.Flags & NetlinkMessageFlags.Acknowledge) != 0))
            {
                Acknowledge(socket, message, verdict);
            }

            datagram = datagram[Math.Min((int)header.Length + 3 & ~3, datagram.Length)..];
        }
    }

    /// <summary>Sends an acknowledgement or error (NLMSG_ERROR) for a message.</summary>
    public static void Acknowledge(SimulatedNetlinkSocket socket, NetlinkMessage message, Verdict verdict)
    {
        byte[] attributes = socket.ExtendedAcknowledgements ? verdict.Attributes() : [];
        bool whole = verdict.Error != LinuxError.None && !socket.CappedAcknowledgements;
        int copied = whole ? message.Bytes.Length + 3 & ~3 : NetlinkHeader.Size;
        byte[] answer = new byte[NetlinkHeader.Size + 4 + copied + attributes.Length];
        NetlinkMessageFlags flags = (whole ? 0 : NetlinkMessageFlags.Capped) | (attributes.Length > 0 ? NetlinkMessageFlags.ExtendedAcknowledgement : 0);
        MemoryMarshal.Write(answer, new NetlinkHeader((uint)answer.Length, NetlinkMessageType.Error, flags, message.Header.Sequence, socket.PortId));
        MemoryMarshal.Write(answer.AsSpan(NetlinkHeader.Size), -(int)verdict.Error);
        message.Bytes[..Math.Min(copied, message.Bytes.Length)].CopyTo(answer.AsSpan(NetlinkHeader.Size + 4));
        attributes.CopyTo(answer.AsSpan(answer.Length - attributes.Length));
        socket.Deliver(answer);
    }
}
