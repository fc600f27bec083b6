using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// What a message of nf_tables carries: a table, chain, rule, set, list of elements, object, flowtable or generation. A plain immutable value that
/// compares by content; what was read is written back to the same bytes, unknown attributes included.
/// </summary>
public abstract record NftablesEntity
{
    /// <summary>The family of the table it belongs to.</summary>
    public NftablesFamily Family { get; init; }

    /// <summary>How the attributes lay on the wire.</summary>
    internal AttributeLayout Layout { get; init; }

    /// <summary>The object in words, for errors: <c>chain inet filter forward</c>.</summary>
    public abstract string Describe();

    /// <summary>Attribute types in the order in which the named program sends them.</summary>
    private protected abstract ReadOnlySpan<byte> Order(WireOrder order);

    /// <summary>Types that the kernel assigns (handles, use counts), as a mask; they are left out of requests that create.</summary>
    private protected abstract uint AssignedByKernel { get; }

    /// <summary>Writes the attribute of <paramref name="type"/>, or nothing where its property is not set.</summary>
    private protected abstract void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form);

    /// <summary>Writes all attributes of the message.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="order">As it was read, or as one of the real programs would send it.</param>
    /// <param name="withAssigned">Handles and counts too.</param>
    /// <param name="creating">It is to be made, not only named: flags are written though they are zero.</param>
    internal void WriteAttributes(ref NetlinkWriter writer, WireOrder order, bool withAssigned = true, bool creating = true)
    {
        uint written = withAssigned ? 0 : AssignedByKernel;
        AttributeForm canonical = AttributeForm.Canonical | AttributeForm.Nested | (creating && order != WireOrder.Libnftnl ? AttributeForm.EvenDefault : 0);
        if (order == WireOrder.AsRead && Layout.IsRead)
        {
            canonical = AttributeForm.None;
            int raw = 0;
            for (int index = 0; index < Layout.Count; index++)
            {
                ushort type = Layout.TypeAt(index);
                if (type == 0)
                {
                    writer.PutRaw(Layout.Raw[raw++]);
                }
                else
                {
                    AttributeForm form = Layout.FormAt(index);
                    canonical |= form & AttributeForm.Nested;
                    WriteAttribute(ref writer, type, form | AttributeForm.AsRead | AttributeForm.EvenDefault);
                    written |= 1u << type | Twin(type);
                }
            }
        }

        foreach (byte type in Order(order))
        {
            if ((written >> type & 1) == 0)
            {
                WriteAttribute(ref writer, type, canonical);
            }
        }

        if (order != WireOrder.AsRead)
        {
            foreach (ref readonly RawAttribute raw in Layout.Raw)
            {
                writer.PutRaw(raw);
            }
        }
    }

    /// <summary>Writes what names the object in a request to list or delete it: its names, or its handle where it has no name.</summary>
    internal abstract void WriteIdentity(ref NetlinkWriter writer);

    /// <summary>The message type of the family NFT_MSG_NEW… for this kind of object.</summary>
    internal abstract ushort NewType { get; }

    /// <summary>NFT_MSG_DESTROY… for this kind of object. Linux 6.3.</summary>
    internal abstract ushort DestroyType { get; }

    /// <summary>Another attribute that says the same (one expression, a list of expressions), as a mask.</summary>
    private protected virtual uint Twin(ushort type) => 0;
}

/// <summary>Whose order of attributes a message is written in.</summary>
internal enum WireOrder
{
    /// <summary>As it was read; nft's where it was not.</summary>
    AsRead,

    /// <summary>nft 1.0.6.</summary>
    Nft,

    /// <summary>libnftnl 1.2, which iptables-nft sends.</summary>
    Libnftnl,
}
