using System.Text;
using System.Text.Unicode;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// Reads attributes into fields and writes fields as attributes. Each reader takes only what its writer gives back byte for byte (the right size, no
/// stray flags, the first of its type) and says false otherwise, so that the attribute is kept raw.
/// </summary>
internal static class AttributeFields
{
    public static bool Read(this in NetlinkAttribute attribute, ref byte? field)
    {
        if (field is not null || attribute.Value.Length != 1 || attribute.RawType != attribute.Type)
        {
            return false;
        }

        field = attribute.Byte;
        return true;
    }

    public static bool Read(this in NetlinkAttribute attribute, ref ushort? field)
    {
        if (field is not null || attribute.Value.Length != 2 || attribute.RawType != attribute.Type)
        {
            return false;
        }

        field = attribute.UInt16BigEndian;
        return true;
    }

    public static bool Read(this in NetlinkAttribute attribute, ref uint? field)
    {
        if (field is not null || attribute.Value.Length != 4 || attribute.RawType != attribute.Type)
        {
            return false;
        }

        field = attribute.UInt32BigEndian;
        return true;
    }

    public static bool Read(this in NetlinkAttribute attribute, ref int? field)
    {
        if (field is not null || attribute.Value.Length != 4 || attribute.RawType != attribute.Type)
        {
            return false;
        }

        field = (int)attribute.UInt32BigEndian;
        return true;
    }

    public static bool Read(this in NetlinkAttribute attribute, ref ulong? field)
    {
        if (field is not null || attribute.Value.Length != 8 || attribute.RawType != attribute.Type)
        {
            return false;
        }

        field = attribute.UInt64BigEndian;
        return true;
    }

    public static bool Read(this in NetlinkAttribute attribute, ref string? field)
    {
        ReadOnlySpan<byte> value = attribute.Value;
        int end = value.IndexOf((byte)0);
        if (field is not null || attribute.RawType != attribute.Type || value.IsEmpty || (end >= 0 && end != value.Length - 1) || !Utf8.IsValid(value))
        {
            return false;
        }

        field = Encoding.UTF8.GetString(end < 0 ? value : value[..^1]);
        return true;
    }

    /// <summary>A payload of plain bytes.</summary>
    public static bool ReadBytes(this in NetlinkAttribute attribute, ref OctetString? field)
    {
        if (field is not null || attribute.RawType != attribute.Type)
        {
            return false;
        }

        field = new OctetString(attribute.Value);
        return true;
    }

    /// <summary>A nest that holds NFTA_DATA_VALUE alone.</summary>
    public static bool ReadData(this in NetlinkAttribute attribute, ref OctetString? field)
    {
        if (field is not null || !IsPlainNest(attribute))
        {
            return false;
        }

        AttributeReader inside = attribute.Nested();
        if (!inside.TryRead(out NetlinkAttribute value) || value.RawType != NfTables.NFTA_DATA_VALUE || !inside.Rest.IsEmpty)
        {
            return false;
        }

        field = new OctetString(value.Value);
        return true;
    }

    /// <summary>A nest that holds NFTA_DATA_VERDICT alone, flagged like the nest itself.</summary>
    public static bool ReadVerdict(this in NetlinkAttribute attribute, ref Verdict? field)
    {
        if (field is not null || !IsPlainNest(attribute))
        {
            return false;
        }

        AttributeReader inside = attribute.Nested();
        if (!inside.TryRead(out NetlinkAttribute verdict) || verdict.Type != NfTables.NFTA_DATA_VERDICT || !inside.Rest.IsEmpty
            || verdict.IsNested != attribute.IsNested || !IsPlainNest(verdict))
        {
            return false;
        }

        int? code = null;
        string? chain = null;
        uint? chainId = null;
        int last = 0;
        AttributeReader fields = verdict.Nested();
        while (fields.TryRead(out NetlinkAttribute part))
        {
            bool known = part.Type > last && part.Type switch
            {
                NfTables.NFTA_VERDICT_CODE => part.Read(ref code),
                NfTables.NFTA_VERDICT_CHAIN => part.Read(ref chain),
                NfTables.NFTA_VERDICT_CHAIN_ID => part.Read(ref chainId),
                _ => false,
            };
            if (!known)
            {
                return false;
            }

            last = part.Type;
        }

        if (code is not { } value || fields.IsTruncated)
        {
            return false;
        }

        field = new Verdict(value, chain, chainId);
        return true;
    }

    public static void Put(this ref NetlinkWriter writer, ushort type, byte? field)
    {
        if (field is { } value)
        {
            writer.WriteByte(type, value);
        }
    }

    public static void Put(this ref NetlinkWriter writer, ushort type, ushort? field)
    {
        if (field is { } value)
        {
            writer.WriteUInt16BigEndian(type, value);
        }
    }

    public static void Put(this ref NetlinkWriter writer, ushort type, uint? field)
    {
        if (field is { } value)
        {
            writer.WriteUInt32BigEndian(type, value);
        }
    }

    public static void Put(this ref NetlinkWriter writer, ushort type, int? field)
    {
        if (field is { } value)
        {
            writer.WriteUInt32BigEndian(type, (uint)value);
        }
    }

    public static void Put(this ref NetlinkWriter writer, ushort type, ulong? field)
    {
        if (field is { } value)
        {
            writer.WriteUInt64BigEndian(type, value);
        }
    }

    public static void Put(this ref NetlinkWriter writer, ushort type, string? field) => writer.Put(type, AttributeForm.None, field);

    public static void Put(this ref NetlinkWriter writer, ushort type, AttributeForm form, string? field)
    {
        if (field is null)
        {
            return;
        }

        if ((form & AttributeForm.Unterminated) != 0)
        {
            const int Longest = 256;
            int length = Encoding.UTF8.GetByteCount(field);
            Span<byte> room = length <= Longest ? stackalloc byte[Longest] : new byte[length];
            writer.WriteBytes(type, room[..Encoding.UTF8.GetBytes(field, room)]);
        }
        else
        {
            writer.WriteString(type, field);
        }
    }

    /// <summary>A name of which an empty one goes without saying.</summary>
    public static void PutName(this ref NetlinkWriter writer, ushort type, string name, AttributeForm form)
    {
        if (name.Length > 0 || (form & AttributeForm.AsRead) != 0)
        {
            writer.WriteString(type, name);
        }
    }

    /// <summary>A value of which 0 goes without saying unless <paramref name="form"/> wants it said.</summary>
    public static void PutFlags(this ref NetlinkWriter writer, ushort type, uint field, AttributeForm form)
    {
        if (field != 0 || (form & AttributeForm.EvenDefault) != 0)
        {
            writer.WriteUInt32BigEndian(type, field);
        }
    }

    public static void PutBytes(this ref NetlinkWriter writer, ushort type, OctetString? field)
    {
        if (field is { } value)
        {
            writer.WriteBytes(type, value.Span);
        }
    }

    public static void PutData(this ref NetlinkWriter writer, ushort type, AttributeForm form, OctetString? field)
    {
        if (field is { } value)
        {
            WireMark mark = writer.BeginNested(type, (form & AttributeForm.Nested) != 0);
            writer.WriteBytes(NfTables.NFTA_DATA_VALUE, value.Span);
            writer.EndAttribute(mark);
        }
    }

    public static void PutVerdict(this ref NetlinkWriter writer, ushort type, AttributeForm form, Verdict? field)
    {
        if (field is { } verdict)
        {
            bool nestedFlag = (form & AttributeForm.Nested) != 0;
            WireMark data = writer.BeginNested(type, nestedFlag);
            WireMark mark = writer.BeginNested(NfTables.NFTA_DATA_VERDICT, nestedFlag);
            writer.WriteUInt32BigEndian(NfTables.NFTA_VERDICT_CODE, (uint)verdict.Code);
            writer.Put(NfTables.NFTA_VERDICT_CHAIN, verdict.Chain);
            writer.Put(NfTables.NFTA_VERDICT_CHAIN_ID, verdict.ChainId);
            writer.EndAttribute(mark);
            writer.EndAttribute(data);
        }
    }

    /// <summary>Writes an attribute that was kept as bytes.</summary>
    public static void PutRaw(this ref NetlinkWriter writer, in RawAttribute attribute) => writer.WriteBytes(attribute.RawType, attribute.Value.Span);

    /// <summary>No flag but NLA_F_NESTED, and whole attributes inside.</summary>
    internal static bool IsPlainNest(in NetlinkAttribute attribute) =>
        (attribute.RawType & 0x4000) == 0 && (attribute.Value.Length & 3) == 0;
}
