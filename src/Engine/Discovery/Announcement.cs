using System.Buffers.Binary;
using EucaNet.Engine.Modes;
using EucaNet.Engine.Reconciliation;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Discovery;

/// <summary>ARP frames of our own: a gratuitous request tells the neighbours where an address is now (RFC 5227 §3), a probe asks who has it (§2.1.1).</summary>
internal static class ArpFrame
{
    public const int Length = 42;
    public const ushort EtherType = 0x0806;

    /// <summary>Writes an ARP request to everybody.</summary>
    public static void WriteRequest(Span<byte> frame, ReadOnlySpan<byte> sender, Ipv4Address senderAddress, Ipv4Address target)
    {
        frame[..Length].Clear();
        frame[..6].Fill(0xff);
        sender[..6].CopyTo(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], EtherType);
        BinaryPrimitives.WriteUInt16BigEndian(frame[14..], 1);
        BinaryPrimitives.WriteUInt16BigEndian(frame[16..], 0x0800);
        frame[18] = 6;
        frame[19] = 4;
        BinaryPrimitives.WriteUInt16BigEndian(frame[20..], 1);
        sender[..6].CopyTo(frame[22..]);
        senderAddress.CopyTo(frame[28..]);
        target.CopyTo(frame[38..]);
    }

    /// <summary>Reads an ARP frame's sender; false for anything else.</summary>
    public static bool TryReadSender(ReadOnlySpan<byte> frame, out MacAddress mac, out Ipv4Address address)
    {
        mac = default;
        address = default;
        if (frame.Length < Length || BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) != EtherType || BinaryPrimitives.ReadUInt32BigEndian(frame[14..]) != 0x00010800 || frame[18] != 6 || frame[19] != 4)
        {
            return false;
        }

        mac = MacAddress.Read(frame[22..]);
        address = Ipv4Address.Read(frame[28..]);
        return true;
    }
}

/// <summary>Tells the neighbours of an interface that an address is here now.</summary>
internal static class Announcement
{
    /// <summary>Sends a gratuitous ARP request; false when the interface does not take it, which harms nobody for long.</summary>
    public static bool Send(EngineContext context, LinkView link, Ipv4Address address, ILogger logger)
    {
        try
        {
            using IPacketSocket socket = context.Kernel.OpenPacket(link.Index, ArpFrame.EtherType);
            Span<byte> frame = stackalloc byte[ArpFrame.Length];
            ArpFrame.WriteRequest(frame, socket.HardwareAddress, address, address);
            socket.Send(frame);
            return true;
        }
        catch (KernelException failed)
        {
            logger.LogWarning("Neighbours of {Interface} were not told of {Address}: {Reason}", link.Name, address, failed.Message);
            return false;
        }
    }
}
