using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>The socket option of ipset (ip_set_sockfn_get).</summary>
internal static class IpSetOptions
{
    /// <summary>Answers SO_IP_SET, by which programs that write rules ask for sets.</summary>
    public static LinuxError Answer(IpSetSubsystem sets, Span<byte> value)
    {
        const uint ByNameOption = 6, ByIndexOption = 7, WithFamilyOption = 8, VersionOption = 0x100;
        const int NameSize = 32;
        if (value.Length < 8)
        {
            return LinuxError.EINVAL;
        }

        uint operation = BinaryPrimitives.ReadUInt32LittleEndian(value), version = BinaryPrimitives.ReadUInt32LittleEndian(value[4..]);
        int at = operation == WithFamilyOption ? 12 : 8;
        if (operation == VersionOption)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(value[4..], IpSetSubsystem.ProtocolVersion);
            return value.Length == 8 ? LinuxError.None : LinuxError.EINVAL;
        }

        if (version is < IpSetSubsystem.OldestProtocolVersion or > IpSetSubsystem.ProtocolVersion)
        {
            return LinuxError.EPROTO;
        }

        if (operation is not (ByNameOption or ByIndexOption or WithFamilyOption))
        {
            return LinuxError.EBADMSG;
        }

        if (value.Length != at + NameSize)
        {
            return LinuxError.EINVAL;
        }

        Span<byte> name = value[at..];
        if (operation == ByIndexOption)
        {
            IpSet? found = sets.Find(BinaryPrimitives.ReadUInt16LittleEndian(name));
            name.Clear();
            Encoding.Latin1.TryGetBytes(found?.Name ?? "", name, out _);
            return LinuxError.None;
        }

        int end = name.IndexOf((byte)0);
        IpSet? named = sets.Find(Encoding.Latin1.GetString(name[..(end < 0 ? NameSize - 1 : end)]));
        if (operation == WithFamilyOption && named is not null)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(value[8..], named.Family);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(name, named?.Index ?? ushort.MaxValue);
        return LinuxError.None;
    }
}
