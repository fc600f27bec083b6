using System.Buffers.Binary;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>One attribute within a message that is kept in memory; <see cref="Exists"/> is false for one that was not sent.</summary>
internal readonly struct KernelAttribute(byte[]? memory, int offset)
{
    private readonly byte[]? _memory = memory;

    /// <summary>Where the attribute's header begins, from the start of <see cref="_memory"/>.</summary>
    public int Offset { get; } = offset;

    public bool Exists => _memory is not null;

    public ushort RawType => MemoryMarshal.Read<ushort>(_memory.AsSpan(Offset + 2));

    public ushort Type => (ushort)(RawType & 0x3fff);

    public int Length => MemoryMarshal.Read<ushort>(_memory.AsSpan(Offset)) - 4;

    public ReadOnlySpan<byte> Value => _memory.AsSpan(Offset + 4, Length);

    public byte Byte => Value[0];

    public ushort UInt16 => MemoryMarshal.Read<ushort>(Value);

    public uint UInt32 => MemoryMarshal.Read<uint>(Value);

    public ushort UInt16BigEndian => BinaryPrimitives.ReadUInt16BigEndian(Value);

    public uint UInt32BigEndian => BinaryPrimitives.ReadUInt32BigEndian(Value);

    public int Int32BigEndian => BinaryPrimitives.ReadInt32BigEndian(Value);

    public ulong UInt64BigEndian => BinaryPrimitives.ReadUInt64BigEndian(Value);

    /// <summary>The payload up to its first NUL, each byte a character: names in the kernel are bytes, not text.</summary>
    public string Name
    {
        get
        {
            ReadOnlySpan<byte> value = Value;
            int end = value.IndexOf((byte)0);
            return System.Text.Encoding.Latin1.GetString(end < 0 ? value : value[..end]);
        }
    }

    /// <summary>The attributes within.</summary>
    public List<KernelAttribute> Children()
    {
        var children = new List<KernelAttribute>();
        int position = Offset + 4;
        int end = position + Length;
        while (TryNext(_memory!, ref position, end, out KernelAttribute child))
        {
            children.Add(child);
        }

        return children;
    }

    /// <summary>Parses the attributes within by a policy; what the policy refuses gives an error.</summary>
    public LinuxError Parse(AttributePolicy policy, out ParsedAttributes table, ExtendedAcknowledgement? acknowledgement = null) =>
        ParsedAttributes.Parse(_memory!, Offset + 4, Length, policy, out table, acknowledgement);

    internal static bool TryNext(byte[] memory, ref int position, int end, out KernelAttribute attribute)
    {
        attribute = default;
        if (end - position < 4)
        {
            return false;
        }

        int length = MemoryMarshal.Read<ushort>(memory.AsSpan(position));
        if (length < 4 || length > end - position)
        {
            return false;
        }

        attribute = new KernelAttribute(memory, position);
        position = Math.Min(position + (length + 3 & ~3), end);
        return true;
    }
}

/// <summary>
/// The attributes of one level by their types, as the kernel's liberal parsing leaves them: of several with one type the last
/// counts, types above the policy's are passed over, a rest that is no attribute is ignored.
/// </summary>
internal readonly struct ParsedAttributes
{
    private readonly KernelAttribute[] _attributes;

    private ParsedAttributes(KernelAttribute[] attributes) => _attributes = attributes;

    public KernelAttribute this[int type] => _attributes is not null && type < _attributes.Length ? _attributes[type] : default;

    public bool Has(int type) => this[type].Exists;

    /// <summary>A table in which nothing was sent.</summary>
    public static ParsedAttributes Empty { get; } = new([]);

    public static LinuxError Parse(byte[] memory, int offset, int length, AttributePolicy policy, out ParsedAttributes table, ExtendedAcknowledgement? acknowledgement = null)
    {
        var attributes = new KernelAttribute[policy.MaximumType + 1];
        table = new ParsedAttributes(attributes);
        int position = offset;
        while (KernelAttribute.TryNext(memory, ref position, offset + length, out KernelAttribute attribute))
        {
            int type = attribute.Type;
            if (type == 0 || type > policy.MaximumType)
            {
                continue;
            }

            AttributeRule rule = policy[type];
            LinuxError error = rule.Validate(attribute);
            if (error != LinuxError.None)
            {
                acknowledgement?.RefusedByPolicy(attribute, rule);
                return error;
            }

            attributes[type] = attribute;
        }

        if (position < offset + length && acknowledgement is not null)
        {
            acknowledgement.Message = "bytes leftover after parsing attributes";
        }

        return LinuxError.None;
    }
}
