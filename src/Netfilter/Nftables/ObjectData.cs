using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>What a named object holds (NFTA_OBJ_DATA), by its kind.</summary>
public abstract record ObjectData
{
    /// <summary>The kind of object that holds it (NFT_OBJECT_*).</summary>
    public abstract uint Type { get; }

    /// <summary>How the attributes lay on the wire.</summary>
    internal AttributeLayout Layout { get; init; }

    /// <summary>Attribute types in the order in which nft sends them.</summary>
    private protected abstract ReadOnlySpan<byte> Order { get; }

    private protected abstract void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested);

    internal void Write(ref NetlinkWriter writer, bool asRead)
    {
        uint written = 0;
        if (asRead)
        {
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
                    WriteAttribute(ref writer, type, true, (Layout.FormAt(index) & AttributeForm.Nested) != 0);
                    written |= 1u << type;
                }
            }
        }

        foreach (byte type in Order)
        {
            if ((written >> type & 1) == 0)
            {
                WriteAttribute(ref writer, type, asRead && Layout.IsRead, true);
            }
        }

        if (!asRead)
        {
            foreach (ref readonly RawAttribute raw in Layout.Raw)
            {
                writer.PutRaw(raw);
            }
        }
    }

    /// <summary>Reads the payload of NFTA_OBJ_DATA of an object of kind <paramref name="type"/>; an unknown kind is kept as bytes.</summary>
    internal static bool TryRead(in NetlinkAttribute attribute, uint type, ref ObjectData? field)
    {
        if (field is not null || !AttributeFields.IsPlainNest(attribute))
        {
            return false;
        }

        AttributeReader data = attribute.Nested();
        field = type switch
        {
            NFT_OBJECT_COUNTER => CounterData.Read(data),
            NFT_OBJECT_QUOTA => QuotaData.Read(data),
            NFT_OBJECT_LIMIT => LimitData.Read(data),
            NFT_OBJECT_CONNLIMIT => ConnectionLimitData.Read(data),
            NFT_OBJECT_CT_HELPER => ConntrackHelperData.Read(data),
            NFT_OBJECT_CT_TIMEOUT => ConntrackTimeoutData.Read(data),
            NFT_OBJECT_CT_EXPECT => ConntrackExpectationData.Read(data),
            NFT_OBJECT_SYNPROXY => SynproxyData.Read(data),
            NFT_OBJECT_SECMARK => SecurityMarkData.Read(data),
            NFT_OBJECT_TUNNEL => TunnelData.Read(data),
            _ => null,
        };
        return field is not null;
    }
}

/// <summary>A text of which the kernel's dumps have a terminating NUL and nft's requests have none; that difference is no part of the value.</summary>
internal readonly record struct TextForm(bool IsTerminated)
{
    public bool Equals(TextForm other) => true;

    public override int GetHashCode() => 0;

    public static bool Read(in NetlinkAttribute attribute, ref string? field, ref TextForm form)
    {
        ReadOnlySpan<byte> value = attribute.Value;
        int end = value.IndexOf((byte)0);
        if (field is not null || attribute.RawType != attribute.Type || (end >= 0 && end != value.Length - 1) || !System.Text.Unicode.Utf8.IsValid(value))
        {
            return false;
        }

        form = new TextForm(end >= 0);
        field = attribute.String;
        return true;
    }

    public void Write(ref NetlinkWriter writer, ushort type, string text, bool asRead)
    {
        if (asRead && IsTerminated)
        {
            writer.WriteString(type, text);
        }
        else
        {
            writer.WriteBytes(type, System.Text.Encoding.UTF8.GetBytes(text));
        }
    }
}
