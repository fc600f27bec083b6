using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>A message of nf_tables: what is done, and to what.</summary>
/// <param name="Type">NFT_MSG_*.</param>
/// <param name="Flags">Flags of the netlink header.</param>
/// <param name="ResourceId">The low half of the generation in dumps and events; 0 in requests.</param>
/// <param name="Entity">The table, chain, rule …</param>
public sealed record NftablesMessage(ushort Type, NetlinkMessageFlags Flags, ushort ResourceId, NftablesEntity Entity)
{
    /// <summary>Something was made or is listed; not deleted.</summary>
    public bool IsNew => Type is NFT_MSG_NEWTABLE or NFT_MSG_NEWCHAIN or NFT_MSG_NEWRULE or NFT_MSG_NEWSET or NFT_MSG_NEWSETELEM or NFT_MSG_NEWOBJ
        or NFT_MSG_NEWFLOWTABLE or NFT_MSG_NEWGEN;

    /// <summary>Something was deleted.</summary>
    public bool IsDelete => Type is NFT_MSG_DELTABLE or NFT_MSG_DELCHAIN or NFT_MSG_DELRULE or NFT_MSG_DELSET or NFT_MSG_DELSETELEM or NFT_MSG_DELOBJ or NFT_MSG_DELFLOWTABLE
        or (>= NFT_MSG_DESTROYTABLE and <= NFT_MSG_DESTROYFLOWTABLE);

    /// <summary>Reads a message; false for one that is not of nf_tables or of an unknown type.</summary>
    public static bool TryRead(in NetlinkMessage message, out NftablesMessage? result) => TryRead(message, new DecodeCache(remembersNames: false), out result);

    internal static bool TryRead(in NetlinkMessage message, DecodeCache names, out NftablesMessage? result)
    {
        result = null;
        if (message.Header.Type >> 8 != Nfnetlink.NFNL_SUBSYS_NFTABLES || message.Payload.Length < NfnetlinkHeader.Size)
        {
            return false;
        }

        var header = System.Runtime.InteropServices.MemoryMarshal.Read<NfnetlinkHeader>(message.Payload);
        ushort type = (ushort)(message.Header.Type & 0xff);
        if (ReadEntity(type, (NftablesFamily)header.Family, message.Attributes(NfnetlinkHeader.Size), names) is not { } entity)
        {
            return false;
        }

        result = new NftablesMessage(type, message.Header.Flags, header.ResourceId, entity);
        return true;
    }

    internal static NftablesEntity? ReadEntity(ushort type, NftablesFamily family, AttributeReader attributes, DecodeCache names) => type switch
    {
        NFT_MSG_NEWTABLE or NFT_MSG_GETTABLE or NFT_MSG_DELTABLE or NFT_MSG_DESTROYTABLE => Table.Read(family, attributes, names),
        NFT_MSG_NEWCHAIN or NFT_MSG_GETCHAIN or NFT_MSG_DELCHAIN or NFT_MSG_DESTROYCHAIN => Chain.Read(family, attributes, names),
        NFT_MSG_NEWRULE or NFT_MSG_GETRULE or NFT_MSG_DELRULE or NFT_MSG_DESTROYRULE or NFT_MSG_GETRULE_RESET => Rule.Read(family, attributes, names),
        NFT_MSG_NEWSET or NFT_MSG_GETSET or NFT_MSG_DELSET or NFT_MSG_DESTROYSET => NftablesSet.Read(family, attributes, names),
        NFT_MSG_NEWSETELEM or NFT_MSG_GETSETELEM or NFT_MSG_DELSETELEM or NFT_MSG_DESTROYSETELEM or NFT_MSG_GETSETELEM_RESET => SetElementList.Read(family, attributes, names),
        NFT_MSG_NEWOBJ or NFT_MSG_GETOBJ or NFT_MSG_DELOBJ or NFT_MSG_DESTROYOBJ or NFT_MSG_GETOBJ_RESET => NftablesObject.Read(family, attributes, names),
        NFT_MSG_NEWFLOWTABLE or NFT_MSG_GETFLOWTABLE or NFT_MSG_DELFLOWTABLE or NFT_MSG_DESTROYFLOWTABLE => Flowtable.Read(family, attributes, names),
        NFT_MSG_NEWGEN or NFT_MSG_GETGEN => Generation.Read(family, attributes, names),
        NFT_MSG_TRACE => NftablesTrace.Read(family, attributes, names),
        _ => null,
    };

    /// <summary>Writes the message.</summary>
    internal void Write(ref NetlinkWriter writer, uint sequence, uint portId, WireOrder order)
    {
        WireMark mark = writer.BeginMessage((ushort)(Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | Type), Flags, sequence, portId);
        writer.AppendStruct(NfnetlinkHeader.Create((byte)Entity.Family, ResourceId));
        Entity.WriteAttributes(ref writer, order, creating: IsNew);
        writer.EndMessage(mark);
    }
}
