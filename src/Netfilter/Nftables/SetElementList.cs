using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>Elements of one set, as one message carries them.</summary>
public sealed record SetElementList : NftablesEntity
{
    /// <summary>The table of the set.</summary>
    public string Table { get; init; } = "";

    /// <summary>The set.</summary>
    public string Set { get; init; } = "";

    /// <summary>The set by its id within the batch.</summary>
    public uint? SetId { get; init; }

    /// <summary>The elements; null where the message has none at all (a request that means all).</summary>
    public ValueList<SetElement>? Elements { get; init; }

    /// <summary>The elements are numbered from 1 instead of being NFTA_LIST_ELEM each: nft does so.</summary>
    internal bool IsNumbered { get; init; } = true;

    /// <summary>The elements carry NLA_F_NESTED.</summary>
    internal bool IsNestedFlagged { get; init; } = true;

    /// <inheritdoc />
    public bool Equals(SetElementList? other) => other is not null && Family == other.Family && Table == other.Table && Set == other.Set && SetId == other.SetId
        && Elements.Equals(other.Elements) && Layout.Equals(other.Layout);

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Family, Table, Set, SetId, Elements?.Count);

    /// <inheritdoc />
    public override string Describe() => Elements is { Count: 1 } only
        ? $"element {only[0].Describe()} of set {Family.ToText()} {Table} {Set}"
        : $"{Elements?.Count ?? 0} elements of set {Family.ToText()} {Table} {Set}";

    internal override ushort NewType => NFT_MSG_NEWSETELEM;

    internal override ushort DestroyType => NFT_MSG_DESTROYSETELEM;

    internal override void WriteIdentity(ref NetlinkWriter writer)
    {
        writer.PutName(NFTA_SET_ELEM_LIST_TABLE, Table, AttributeForm.None);
        writer.PutName(NFTA_SET_ELEM_LIST_SET, Set, AttributeForm.None);
        if (Elements is { } elements)
        {
            WireMark mark = writer.BeginNested(NFTA_SET_ELEM_LIST_ELEMENTS);
            foreach (SetElement element in elements)
            {
                element.WriteKey(ref writer);
            }

            writer.EndAttribute(mark);
        }
    }

    private protected override ReadOnlySpan<byte> Order(WireOrder order) => order == WireOrder.Libnftnl
        ? [(byte)NFTA_SET_ELEM_LIST_SET, (byte)NFTA_SET_ELEM_LIST_SET_ID, (byte)NFTA_SET_ELEM_LIST_TABLE, (byte)NFTA_SET_ELEM_LIST_ELEMENTS]
        : [(byte)NFTA_SET_ELEM_LIST_TABLE, (byte)NFTA_SET_ELEM_LIST_SET, (byte)NFTA_SET_ELEM_LIST_SET_ID, (byte)NFTA_SET_ELEM_LIST_ELEMENTS];

    private protected override uint AssignedByKernel => 0;

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_SET_ELEM_LIST_TABLE:
                writer.PutName(type, Table, form);
                break;
            case NFTA_SET_ELEM_LIST_SET:
                writer.PutName(type, Set, form);
                break;
            case NFTA_SET_ELEM_LIST_SET_ID:
                writer.Put(type, SetId);
                break;
            case NFTA_SET_ELEM_LIST_ELEMENTS when Elements is { } elements:
                bool asRead = (form & AttributeForm.AsRead) != 0;
                bool numbered = asRead ? IsNumbered : true;
                bool nested = asRead ? IsNestedFlagged : true;
                WireMark mark = writer.BeginNested(type, (form & AttributeForm.Nested) != 0);
                ushort number = NFTA_LIST_ELEM;
                foreach (SetElement element in elements)
                {
                    element.Write(ref writer, number, nested, asRead);
                    if (numbered)
                    {
                        number = (ushort)(number + 1 & 0x3fff);
                    }
                }

                writer.EndAttribute(mark);
                break;
        }
    }

    /// <summary>Reads the attributes of an element message.</summary>
    internal static SetElementList Read(NftablesFamily family, AttributeReader attributes, DecodeCache names)
    {
        string? table = null, set = null;
        uint? setId = null;
        SetElement[]? elements = null;
        bool numbered = true, flagged = true;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_SET_ELEM_LIST_TABLE => names.Read(attribute, ref table),
                NFTA_SET_ELEM_LIST_SET => names.Read(attribute, ref set),
                NFTA_SET_ELEM_LIST_SET_ID => attribute.Read(ref setId),
                NFTA_SET_ELEM_LIST_ELEMENTS => ReadElements(attribute, names, ref elements, ref numbered, ref flagged),
                _ => false,
            });
        }

        return new SetElementList
        {
            Family = family,
            Table = table ?? "",
            Set = set ?? "",
            SetId = setId,
            Elements = elements is null ? null : new ValueList<SetElement>(elements),
            IsNumbered = numbered,
            IsNestedFlagged = flagged,
            Layout = layout.Build(),
        };
    }

    private static bool ReadElements(in NetlinkAttribute attribute, DecodeCache names, ref SetElement[]? field, ref bool numbered, ref bool flagged)
    {
        int count = 0;
        bool isNumbered = true, isListed = true, allFlagged = true, noneFlagged = true;
        AttributeReader elements = attribute.Nested();
        while (elements.TryRead(out NetlinkAttribute element))
        {
            isListed &= element.Type == NFTA_LIST_ELEM;
            isNumbered &= element.Type == (count + 1 & 0x3fff);
            allFlagged &= element.IsNested;
            noneFlagged &= !element.IsNested;
            count++;
        }

        if (field is not null || elements.IsTruncated || !(isListed || isNumbered) || !(allFlagged || noneFlagged))
        {
            return false;
        }

        numbered = isNumbered;
        flagged = allFlagged;
        field = new SetElement[count];
        elements = attribute.Nested();
        for (int index = 0; elements.TryRead(out NetlinkAttribute element); index++)
        {
            field[index] = SetElement.Read(element, names);
        }

        return true;
    }
}
