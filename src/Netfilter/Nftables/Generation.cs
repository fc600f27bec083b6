using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>The state of a namespace's rule set as a number that each commit raises, and who made the last one.</summary>
public sealed record Generation : NftablesEntity
{
    /// <summary>The number; the low half stands in every frame of a dump.</summary>
    public uint Id { get; init; }

    /// <summary>The process that committed (in an event) or asks (in an answer to GETGEN).</summary>
    public uint? ProcessId { get; init; }

    /// <summary>That process's name.</summary>
    public string? ProcessName { get; init; }

    /// <inheritdoc />
    public override string Describe() => Id == 0 ? "the generation of the rule set" : $"generation {Id}";

    internal override ushort NewType => NFT_MSG_NEWGEN;

    internal override ushort DestroyType => NFT_MSG_NEWGEN;

    internal override void WriteIdentity(ref NetlinkWriter writer)
    {
    }

    private protected override ReadOnlySpan<byte> Order(WireOrder order) => [(byte)NFTA_GEN_ID, (byte)NFTA_GEN_PROC_PID, (byte)NFTA_GEN_PROC_NAME];

    private protected override uint AssignedByKernel => 0;

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_GEN_ID:
                writer.PutFlags(type, Id, form);
                break;
            case NFTA_GEN_PROC_PID:
                writer.Put(type, ProcessId);
                break;
            case NFTA_GEN_PROC_NAME:
                writer.Put(type, ProcessName);
                break;
        }
    }

    /// <summary>Reads the attributes of a generation message.</summary>
    internal static Generation Read(NftablesFamily family, AttributeReader attributes, DecodeCache names)
    {
        uint? id = null, processId = null;
        string? processName = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_GEN_ID => attribute.Read(ref id),
                NFTA_GEN_PROC_PID => attribute.Read(ref processId),
                NFTA_GEN_PROC_NAME => names.Read(attribute, ref processName),
                _ => false,
            });
        }

        return new Generation { Family = family, Id = id ?? 0, ProcessId = processId, ProcessName = processName, Layout = layout.Build() };
    }
}
