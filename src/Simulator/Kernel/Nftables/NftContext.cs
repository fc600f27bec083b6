using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>What one message is worked on with (struct nft_ctx).</summary>
internal sealed class NftContext(NftablesSubsystem subsystem, SimulatedNetlinkSocket? socket, NetlinkHeader header, byte family, ParsedAttributes attributes, ExtendedAcknowledgement acknowledgement)
{
    public NftablesSubsystem Subsystem { get; } = subsystem;

    public KernelProfile Profile => Subsystem.Kernel.Profile;

    public SimulatedNetlinkSocket? Socket { get; } = socket;

    public uint PortId => Socket?.PortId ?? 0;

    public uint Sequence { get; } = header.Sequence;

    public ushort MessageType { get; } = header.Type;

    public NetlinkMessageFlags Flags { get; } = header.Flags;

    /// <summary>NLM_F_ECHO: the requester wants the events of its own request.</summary>
    public bool Reports => (Flags & NetlinkMessageFlags.Echo) != 0;

    public byte Family { get; set; } = family;

    public Table? Table { get; set; }

    public Chain? Chain { get; set; }

    public ParsedAttributes Attributes { get; } = attributes;

    public ExtendedAcknowledgement Acknowledgement { get; } = acknowledgement;

    /// <summary>Registers (in words) that an earlier expression of the rule wrote; later kernels refuse to read others.</summary>
    public uint WrittenRegisters { get; set; }

    /// <summary>Verb without subsystem.</summary>
    public int Verb => MessageType & 0xff;

    public bool Has(NetlinkMessageFlags flag) => (Flags & flag) != 0;

    /// <summary>Remembers the attribute that is to blame and hands the error on.</summary>
    public LinuxError Blame(KernelAttribute attribute, LinuxError error)
    {
        Acknowledgement.BadAttribute(attribute);
        return error;
    }

    public NftContext With(Table? table, Chain? chain) => With(table?.Family ?? Family, table, chain);

    public NftContext With(byte family, Table? table, Chain? chain)
    {
        var copy = (NftContext)MemberwiseClone();
        copy.Family = family;
        copy.Table = table;
        copy.Chain = chain;
        return copy;
    }
}
