using System.Net;

namespace EucaNet.Netlink.Wire;

/// <summary>
/// An object or part of one that is a set of attributes. Immutable; properties that are null are not written. Reading keeps the
/// <see cref="Layout"/>, so that writing gives the same bytes; attributes that the model does not know survive in it.
/// </summary>
public abstract record AttributeSet
{
    /// <summary>How it lay on the wire; set it to <c>default</c> for the canonical order.</summary>
    public WireLayout Layout { get; init; }

    /// <summary>The types the model knows, in the order they are written without a layout.</summary>
    protected abstract ReadOnlySpan<ushort> CanonicalOrder { get; }

    /// <summary>Writes the attribute of that type if it has a value.</summary>
    protected abstract void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry);

    /// <summary>Writes all attributes.</summary>
    protected internal void WriteAttributes(ref NetlinkWriter writer)
    {
        UInt128 written = 0;
        int begin = writer.Position;
        foreach (ref readonly WireEntry entry in Layout.Entries)
        {
            if (entry.Raw is { } raw)
            {
                writer.WriteBytes(entry.RawType, raw.Span);
                continue;
            }

            UInt128 bit = UInt128.One << entry.Type;
            if ((written & bit) == 0)
            {
                WriteAttribute(ref writer, entry);
                written |= bit;
            }
        }

        int recorded = writer.Position;
        foreach (ushort type in CanonicalOrder)
        {
            if ((written >> type & UInt128.One) == 0)
            {
                WriteAttribute(ref writer, new WireEntry(type, IsRecorded: false));
            }
        }

        if (!Layout.Trailing.IsEmpty)
        {
            writer.Append(Layout.Trailing);
        }
        else if (writer.Position == recorded && recorded - begin > Layout.MissingPadding)
        {
            writer.Truncate(new WireMark(recorded - Layout.MissingPadding));
        }
    }

    /// <summary>Writes a set as a nested attribute; an empty one only where it was read so.</summary>
    private protected static void WriteNested(ref NetlinkWriter writer, in WireEntry entry, AttributeSet? set, bool nestedFlag)
    {
        if (set is not null)
        {
            WireMark mark = BeginNested(ref writer, entry, nestedFlag);
            int empty = writer.Position;
            set.WriteAttributes(ref writer);
            EndNested(ref writer, entry, mark, drop: writer.Position == empty);
        }
    }

    private protected static WireMark BeginNested(ref NetlinkWriter writer, in WireEntry entry, bool nestedFlag) =>
        entry.IsRecorded ? writer.BeginAttribute(entry.RawType) : writer.BeginNested(entry.RawType, nestedFlag);

    private protected static void EndNested(ref NetlinkWriter writer, in WireEntry entry, WireMark mark, bool drop)
    {
        if (drop && !entry.IsRecorded)
        {
            writer.Truncate(mark);
        }
        else
        {
            writer.EndAttribute(mark);
        }
    }

    private protected static void Write(ref NetlinkWriter writer, in WireEntry entry, byte? value)
    {
        if (value is { } present)
        {
            writer.WriteByte(entry.RawType, present);
        }
    }

    private protected static void Write(ref NetlinkWriter writer, in WireEntry entry, bool? value)
    {
        if (value is { } present)
        {
            writer.WriteByte(entry.RawType, present ? (byte)1 : (byte)0);
        }
    }

    private protected static void Write(ref NetlinkWriter writer, in WireEntry entry, ushort? value)
    {
        if (value is { } present)
        {
            writer.WriteUInt16(entry.RawType, present);
        }
    }

    private protected static void Write(ref NetlinkWriter writer, in WireEntry entry, uint? value)
    {
        if (value is { } present)
        {
            writer.WriteUInt32(entry.RawType, present);
        }
    }

    private protected static void Write(ref NetlinkWriter writer, in WireEntry entry, int? value)
    {
        if (value is { } present)
        {
            writer.WriteInt32(entry.RawType, present);
        }
    }

    private protected static void Write(ref NetlinkWriter writer, in WireEntry entry, ulong? value)
    {
        if (value is { } present)
        {
            writer.WriteUInt64(entry.RawType, present);
        }
    }

    private protected static void WriteBigEndian(ref NetlinkWriter writer, in WireEntry entry, ushort? value)
    {
        if (value is { } present)
        {
            writer.WriteUInt16BigEndian(entry.RawType, present);
        }
    }

    private protected static void WriteBigEndian(ref NetlinkWriter writer, in WireEntry entry, uint? value)
    {
        if (value is { } present)
        {
            writer.WriteUInt32BigEndian(entry.RawType, present);
        }
    }

    private protected static void WriteFlag(ref NetlinkWriter writer, in WireEntry entry, bool value)
    {
        if (value)
        {
            writer.WriteFlag(entry.RawType);
        }
    }

    private protected static void Write(ref NetlinkWriter writer, in WireEntry entry, string? value, bool terminated = true)
    {
        if (value is null)
        {
            return;
        }

        if (entry.IsRecorded ? !entry.IsUnterminated : terminated)
        {
            writer.WriteString(entry.RawType, value);
        }
        else
        {
            int length = System.Text.Encoding.UTF8.GetByteCount(value);
            Span<byte> octets = length <= 64 ? stackalloc byte[64] : new byte[length];
            System.Text.Encoding.UTF8.GetBytes(value, octets);
            writer.WriteBytes(entry.RawType, octets[..length]);
        }
    }

    private protected static void Write(ref NetlinkWriter writer, in WireEntry entry, HardwareAddress? value)
    {
        if (value is { } present)
        {
            writer.WriteBytes(entry.RawType, present.Octets);
        }
    }

    private protected static void Write(ref NetlinkWriter writer, in WireEntry entry, Octets? value)
    {
        if (value is { } present)
        {
            writer.WriteBytes(entry.RawType, present.Span);
        }
    }

    private protected static void Write(ref NetlinkWriter writer, in WireEntry entry, IPAddress? value)
    {
        if (value is not null)
        {
            Span<byte> octets = stackalloc byte[16];
            value.TryWriteBytes(octets, out int length);
            writer.WriteBytes(entry.RawType, octets[..length]);
        }
    }
}
