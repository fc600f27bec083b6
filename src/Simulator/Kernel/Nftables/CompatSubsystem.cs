using EucaNet.Netfilter;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Netfilter;
using EucaNet.Simulator.Kernel.Nftables.Compat;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>The questions iptables-nft asks about extensions: which revision of a match or target the kernel has (nfnl_compat_get).</summary>
internal sealed class CompatSubsystem
{
    private const ushort NameAttribute = 1, RevisionAttribute = 2, TypeAttribute = 3;

    private static readonly AttributePolicy Policy = new(
        TypeAttribute, (NameAttribute, new AttributeRule(AttributeKind.TerminatedString, 29)), (RevisionAttribute, AttributePolicy.U32), (TypeAttribute, AttributePolicy.U32));

    /// <summary>Handles one message and returns its errno.</summary>
#pragma warning disable CA1822 // called through the object, as every subsystem is
    public LinuxError Handle(NetfilterMessage message)
#pragma warning restore CA1822
    {
        if ((message.Header.Type & 0xff) != 0)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = message.Parse(Policy, out ParsedAttributes table, message.Acknowledgement);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (!table.Has(NameAttribute) || !table.Has(RevisionAttribute) || !table.Has(TypeAttribute))
        {
            return LinuxError.EINVAL;
        }

        string name = table[NameAttribute].Name;
        uint revision = table[RevisionAttribute].UInt32BigEndian, type = table[TypeAttribute].UInt32BigEndian;
        byte family = message.Family.Family;
        int best = ExtensionRegistry.BestRevision(name, family, type != 0);
        if (best < 0)
        {
            return LinuxError.ENOENT;
        }

        bool exists = type != 0 ? ExtensionRegistry.FindTarget(name, (byte)revision, family) is not null : ExtensionRegistry.FindMatch(name, (byte)revision, family) is not null;
        if (!exists)
        {
            return LinuxError.EPROTONOSUPPORT;
        }

        message.Socket.Deliver(NftMessage.Make(
            NFNL_SUBSYS_NFT_COMPAT,
            0,
            0,
            message.Header.Sequence,
            message.Socket.PortId,
            family,
            0,
            (ref NetlinkWriter writer) =>
            {
                NftMessage.WriteName(ref writer, NameAttribute, name);
                writer.WriteUInt32BigEndian(RevisionAttribute, (uint)best);
                writer.WriteUInt32BigEndian(TypeAttribute, type);
            }));
        return LinuxError.None;
    }
}
