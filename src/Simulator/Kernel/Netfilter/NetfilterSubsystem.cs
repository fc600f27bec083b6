using System.Runtime.InteropServices;
using EucaNet.Netfilter;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Kernel.Conntrack;
using EucaNet.Simulator.Kernel.Ipset;
using EucaNet.Simulator.Kernel.Nftables;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Nfnetlink;
using NfTables = EucaNet.Netfilter.Nftables.NfTables;
using Verdict = EucaNet.Simulator.Kernel.Sockets.Verdict;

namespace EucaNet.Simulator.Kernel.Netfilter;

/// <summary>
/// What stands behind netfilter's netlink sockets (nfnetlink.c): hands single messages to the subsystem named in their type,
/// and runs batches, of which only nf_tables takes any.
/// </summary>
internal sealed class NetfilterSubsystem(SimulatedKernel kernel, NftablesSubsystem nftables, ConntrackSubsystem conntrack, CompatSubsystem compat, IpSetSubsystem sets) : INetlinkSubsystem
{
    /// <summary>NFNL_SUBSYS_COUNT.</summary>
    private const int SubsystemCount = 13;

    private static readonly AttributePolicy BatchPolicy = new(1, (NFNL_BATCH_GENID, AttributePolicy.U32));

    /// <inheritdoc />
    public uint GroupCount => NFNLGRP_NFTRACE;

    /// <summary>nf_tables.</summary>
    public NftablesSubsystem Nftables { get; } = nftables;

    /// <inheritdoc />
    public void Receive(SimulatedNetlinkSocket socket, ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < NetlinkHeader.Size)
        {
            return;
        }

        var first = MemoryMarshal.Read<NetlinkHeader>(datagram);
        if (first.Length < NetlinkHeader.Size || first.Length > datagram.Length)
        {
            return;
        }

        if (!kernel.Options.IsPrivileged)
        {
            MessageDispatch.Acknowledge(socket, new NetlinkMessage(first, datagram[..(int)first.Length]), LinuxError.EPERM);
            return;
        }

        byte[] memory = datagram.ToArray();
        if (first.Type == NFNL_MSG_BATCH_BEGIN)
        {
            ReceiveBatch(socket, memory, first);
            return;
        }

        int offset = 0;
        while (memory.Length - offset >= NetlinkHeader.Size)
        {
            var header = MemoryMarshal.Read<NetlinkHeader>(memory.AsSpan(offset));
            if (header.Length < NetlinkHeader.Size || header.Length > memory.Length - offset)
            {
                return;
            }

            var message = new NetlinkMessage(header, memory.AsSpan(offset, (int)header.Length));
            var acknowledgement = new ExtendedAcknowledgement();
            acknowledgement.Reset(offset);
            LinuxError error = LinuxError.None;
            if ((header.Flags & NetlinkMessageFlags.Request) != 0 && header.Type >= NetlinkMessageType.FirstOfFamily)
            {
                error = Refusal(socket, message.Bytes) ?? Dispatch(socket, memory, offset, header, acknowledgement);
            }

            if (error != LinuxError.EINTR && (error != LinuxError.None || (header.Flags & NetlinkMessageFlags.Acknowledge) != 0))
            {
                MessageDispatch.Acknowledge(socket, message, acknowledgement.ToVerdict(error));
            }

            offset += Math.Min((int)header.Length + 3 & ~3, memory.Length - offset);
        }
    }

    /// <inheritdoc />
    public void Closed(SimulatedNetlinkSocket socket) => Nftables.SocketClosed(socket);

    /// <summary>One message outside a batch; EINTR says that it was answered.</summary>
    private LinuxError Dispatch(SimulatedNetlinkSocket socket, byte[] memory, int offset, NetlinkHeader header, ExtendedAcknowledgement acknowledgement)
    {
        if (header.Length < NetlinkHeader.Size + NfnetlinkHeader.Size)
        {
            return LinuxError.None;
        }

        var message = new NetfilterMessage(socket, memory, offset, header, acknowledgement);
        return (header.Type >> 8) switch
        {
            NFNL_SUBSYS_NFTABLES => Nftables.Handle(message, isBatch: false),
            NFNL_SUBSYS_CTNETLINK => conntrack.Handle(message),
            NFNL_SUBSYS_CTNETLINK_EXP => conntrack.Expectations.Handle(message),
            NFNL_SUBSYS_NFT_COMPAT => compat.Handle(message),
            NFNL_SUBSYS_IPSET => sets.Handle(message),
            _ => LinuxError.EINVAL,
        };
    }

    private void ReceiveBatch(SimulatedNetlinkSocket socket, byte[] memory, NetlinkHeader begin)
    {
        NetlinkMessage beginMessage = MessageAt(memory, 0, begin);
        if (begin.Length < NetlinkHeader.Size + NfnetlinkHeader.Size)
        {
            return;
        }

        LinuxError error = ParsedAttributes.Parse(memory, NetlinkHeader.Size + NfnetlinkHeader.Size, (int)begin.Length - NetlinkHeader.Size - NfnetlinkHeader.Size, BatchPolicy, out ParsedAttributes attributes);
        if (error != LinuxError.None)
        {
            MessageDispatch.Acknowledge(socket, beginMessage, error);
            return;
        }

        uint? generation = attributes[NFNL_BATCH_GENID] is { Exists: true } attribute ? attribute.UInt32BigEndian : null;
        var family = MemoryMarshal.Read<NfnetlinkHeader>(memory.AsSpan(NetlinkHeader.Size));

        // Old programs send the subsystem in host order.
        int subsystem = family.RawResourceId == NFNL_SUBSYS_NFTABLES ? NFNL_SUBSYS_NFTABLES : family.ResourceId;
        if (subsystem >= SubsystemCount)
        {
            MessageDispatch.Acknowledge(socket, beginMessage, LinuxError.EINVAL);
            return;
        }

        if (subsystem != NFNL_SUBSYS_NFTABLES)
        {
            MessageDispatch.Acknowledge(socket, beginMessage, LinuxError.EOPNOTSUPP);
            return;
        }

        if (generation is { } expected && expected != 0 && expected != Nftables.Generation)
        {
            MessageDispatch.Acknowledge(socket, beginMessage, LinuxError.ERESTART);
            return;
        }

        if (!RunBatch(socket, memory, begin, validateEach: false))
        {
            RunBatch(socket, memory, begin, validateEach: true);
        }
    }

    /// <summary>
    /// Carries out a batch, or tries it where it has no END. False, and nothing said or done, where the rule set would be wrong as a whole: then it is to be run again
    /// with the rule set looked at after each rule and element, so that the error falls on the message that brings it.
    /// </summary>
    private bool RunBatch(SimulatedNetlinkSocket socket, byte[] memory, NetlinkHeader begin, bool validateEach)
    {
        var answers = new List<(NetlinkHeader Header, int Offset, Verdict Verdict)>();
        if (kernel.Profile.AcknowledgesBatch && (begin.Flags & NetlinkMessageFlags.Acknowledge) != 0)
        {
            answers.Add((begin, 0, LinuxError.None));
        }

        Nftables.BeginBatch();
        var acknowledgement = new ExtendedAcknowledgement();
        bool failed = false, done = false;
        NetlinkHeader header = begin;
        int offset = Math.Min((int)begin.Length + 3 & ~3, memory.Length);
        while (memory.Length - offset >= NetlinkHeader.Size)
        {
            header = MemoryMarshal.Read<NetlinkHeader>(memory.AsSpan(offset));
            if (header.Length < NetlinkHeader.Size + NfnetlinkHeader.Size || header.Length > memory.Length - offset || header.Type == NFNL_MSG_BATCH_BEGIN && (header.Flags & NetlinkMessageFlags.Request) != 0)
            {
                // Cut, or a batch within a batch: nothing is said about it at all.
                answers.Clear();
                failed = true;
                break;
            }

            acknowledgement.Reset(offset);
            LinuxError error;
            if ((header.Flags & NetlinkMessageFlags.Request) == 0)
            {
                error = LinuxError.EINVAL;
            }
            else if (header.Type == NFNL_MSG_BATCH_END)
            {
                done = true;
                break;
            }
            else if (header.Type < NetlinkMessageType.FirstOfFamily || header.Type >> 8 != NFNL_SUBSYS_NFTABLES)
            {
                error = LinuxError.EINVAL;
            }
            else
            {
                error = Refusal(socket, memory.AsSpan(offset, (int)header.Length)) ?? Nftables.Handle(new NetfilterMessage(socket, memory, offset, header, acknowledgement), isBatch: true);
                if (error == LinuxError.None && validateEach && (header.Type & 0xff) is NfTables.NFT_MSG_NEWRULE or NfTables.NFT_MSG_NEWSETELEM)
                {
                    // Nothing in the message itself is at fault.
                    acknowledgement.Reset(offset);
                    error = Nftables.ValidateLastTable();
                }
            }

            if (error == LinuxError.ENOMEM)
            {
                answers.Clear();
                MessageDispatch.Acknowledge(socket, FirstOfBatch(memory, begin), LinuxError.ENOMEM);
                failed = true;
                break;
            }

            if (error != LinuxError.None || (header.Flags & NetlinkMessageFlags.Acknowledge) != 0)
            {
                answers.Add((header, offset, acknowledgement.ToVerdict(error)));
                failed |= error != LinuxError.None;
            }

            offset += Math.Min((int)header.Length + 3 & ~3, memory.Length - offset);
        }

        bool leavesUnbound = done && !failed && Nftables.LeavesUnbound;
        LinuxError whole = failed ? LinuxError.None : leavesUnbound ? LinuxError.EINVAL : Nftables.ValidateTouchedTables();
        if (whole != LinuxError.None && !validateEach && !leavesUnbound)
        {
            Nftables.AbortBatch();
            return false;
        }

        if (done && !failed && whole == LinuxError.None)
        {
            Nftables.CommitBatch(socket, MemoryMarshal.Read<NetlinkHeader>(FirstOfBatch(memory, begin).Bytes));
            if (kernel.Profile.AcknowledgesBatch && (header.Flags & NetlinkMessageFlags.Acknowledge) != 0)
            {
                answers.Add((header, offset, LinuxError.None));
            }
        }
        else
        {
            Nftables.AbortBatch();
            if (whole != LinuxError.None)
            {
                MessageDispatch.Acknowledge(socket, FirstOfBatch(memory, begin), whole);
            }
        }

        foreach ((NetlinkHeader answered, int at, Verdict verdict) in answers)
        {
            MessageDispatch.Acknowledge(socket, MessageAt(memory, at, answered), verdict);
        }

        return true;
    }

    /// <summary>What a fault says of a message that is about to be carried out; null where none strikes.</summary>
    private static LinuxError? Refusal(SimulatedNetlinkSocket socket, ReadOnlySpan<byte> message) =>
        socket.Kernel.Faults.Strike(FaultPoint.Request, socket.Protocol, socket.PortId, message) is { Kind: FaultKind.Fail } fault ? fault.Error : null;

    /// <summary>What the kernel takes for the batch's first message when it reports on the batch as a whole: that behind BATCH_BEGIN.</summary>
    private static NetlinkMessage FirstOfBatch(byte[] memory, NetlinkHeader begin)
    {
        int offset = Math.Min((int)begin.Length + 3 & ~3, memory.Length);
        if (memory.Length - offset < NetlinkHeader.Size)
        {
            return MessageAt(memory, 0, begin);
        }

        return MessageAt(memory, offset, MemoryMarshal.Read<NetlinkHeader>(memory.AsSpan(offset)));
    }

    private static NetlinkMessage MessageAt(byte[] memory, int offset, NetlinkHeader header) =>
        new(header, memory.AsSpan(offset, (int)Math.Clamp(header.Length, NetlinkHeader.Size, memory.Length - offset)));
}

/// <summary>One message for a subsystem of nfnetlink, in the memory of its datagram.</summary>
/// <param name="Socket">Who sent it.</param>
/// <param name="Memory">The datagram.</param>
/// <param name="Offset">Where the message begins in it.</param>
/// <param name="Header">The message's header.</param>
/// <param name="Acknowledgement">What goes with an error.</param>
internal readonly record struct NetfilterMessage(SimulatedNetlinkSocket Socket, byte[] Memory, int Offset, NetlinkHeader Header, ExtendedAcknowledgement Acknowledgement)
{
    public NfnetlinkHeader Family => MemoryMarshal.Read<NfnetlinkHeader>(Memory.AsSpan(Offset + NetlinkHeader.Size));

    public bool IsDump => (Header.Flags & NetlinkMessageFlags.Dump) != 0;

    /// <summary>Parses the attributes behind the family header.</summary>
    public LinuxError Parse(AttributePolicy policy, out ParsedAttributes table, ExtendedAcknowledgement? acknowledgement)
    {
        int start = NetlinkHeader.Size + NfnetlinkHeader.Size;
        return ParsedAttributes.Parse(Memory, Offset + start, (int)Header.Length - start, policy, out table, acknowledgement);
    }
}
