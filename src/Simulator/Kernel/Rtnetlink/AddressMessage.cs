using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Writes RTM_NEWADDR and RTM_DELADDR (inet_fill_ifaddr, inet6_fill_ifaddr).</summary>
internal static class AddressMessage
{
    public static byte[] Build(SimulatedKernel kernel, InterfaceAddress address, ushort type, uint sequence = 0, uint portId = 0)
    {
        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, sequence, portId);
        Span<byte> header = stackalloc byte[8];
        header[0] = address.Local.Family;
        header[1] = address.PrefixLength;
        header[2] = (byte)address.Flags;
        header[3] = address.Scope;
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], address.Device.Index);
        writer.Append(header);
        uint elapsed = (kernel.Ticks - address.Updated) / 100;
        bool permanent = (address.Flags & IFA_F_PERMANENT) != 0;
        bool limited = address.PreferredLifetime != InterfaceAddress.Forever || address.ValidLifetime != InterfaceAddress.Forever;
        uint preferred = address.PreferredLifetime;
        uint valid = address.ValidLifetime;
        if (!permanent || (limited && address.Local.Family == AF_INET6 && address.ValidLifetime == InterfaceAddress.Forever))
        {
            if (preferred != InterfaceAddress.Forever)
            {
                preferred = preferred > elapsed ? preferred - elapsed : 0;
                valid = valid == InterfaceAddress.Forever ? valid : valid > elapsed ? valid - elapsed : 0;
            }
        }
        else
        {
            preferred = InterfaceAddress.Forever;
            valid = InterfaceAddress.Forever;
        }

        if (address.Local.Family == AF_INET)
        {
            WriteAddress(ref writer, IFA_ADDRESS, address.Address);
            WriteAddress(ref writer, IFA_LOCAL, address.Local);
            if (address.Broadcast is { } broadcast)
            {
                WriteAddress(ref writer, IFA_BROADCAST, broadcast);
            }

            if (!string.IsNullOrEmpty(address.Label))
            {
                writer.WriteString(IFA_LABEL, address.Label);
            }

            if (address.Protocol != 0)
            {
                writer.WriteByte(IFA_PROTO, address.Protocol);
            }

            writer.WriteUInt32(IFA_FLAGS, address.Flags);
            if (address.Priority != 0)
            {
                writer.WriteUInt32(IFA_RT_PRIORITY, address.Priority);
            }

            WriteCacheInfo(ref writer, address, preferred, valid);
        }
        else
        {
            if (address.Address != address.Local)
            {
                WriteAddress(ref writer, IFA_LOCAL, address.Local);
                WriteAddress(ref writer, IFA_ADDRESS, address.Address);
            }
            else
            {
                WriteAddress(ref writer, IFA_ADDRESS, address.Local);
            }

            if (address.Priority != 0)
            {
                writer.WriteUInt32(IFA_RT_PRIORITY, address.Priority);
            }

            WriteCacheInfo(ref writer, address, preferred, valid);
            writer.WriteUInt32(IFA_FLAGS, address.Flags);
            if (address.Protocol != 0)
            {
                writer.WriteByte(IFA_PROTO, address.Protocol);
            }
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    public static void WriteAddress(ref NetlinkWriter writer, ushort type, InternetAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.Write(bytes);
        writer.WriteBytes(type, bytes[..address.Length]);
    }

    private static void WriteCacheInfo(ref NetlinkWriter writer, InterfaceAddress address, uint preferred, uint valid)
    {
        Span<byte> cache = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(cache, preferred);
        BinaryPrimitives.WriteUInt32LittleEndian(cache[4..], valid);
        BinaryPrimitives.WriteUInt32LittleEndian(cache[8..], address.Created);
        BinaryPrimitives.WriteUInt32LittleEndian(cache[12..], address.Updated);
        writer.WriteBytes(IFA_CACHEINFO, cache);
    }
}
