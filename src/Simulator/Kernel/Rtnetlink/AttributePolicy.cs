using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>What the kernel demands of an attribute (struct nla_policy); its number is the one of NL_POLICY_TYPE_ATTR_TYPE.</summary>
internal enum AttributeKind : byte
{
    /// <summary>Anything.</summary>
    Any = 0,
    Flag = 1,
    U8 = 2,
    U16 = 3,
    U32 = 4,
    U64 = 5,
    S8 = 6,
    S16 = 7,
    S32 = 8,
    S64 = 9,
    Binary = 10,

    /// <summary>A string that must end in NUL (NLA_NUL_STRING).</summary>
    NulString = 11,
    String = 12,
    Nested = 13,

    /// <summary>Always refused (NLA_REJECT).</summary>
    Rejected = 255,
}

/// <summary>What the kernel demands of one attribute.</summary>
/// <param name="Kind">Its type.</param>
/// <param name="Length">Longest payload of strings (without NUL) and binaries; shortest of <see cref="AttributeKind.Any"/>; 0 for no demand.</param>
/// <param name="Minimum">Smallest value or length, where there is one.</param>
/// <param name="Maximum">Largest value, where there is one.</param>
internal sealed record AttributePolicy(AttributeKind Kind, int Length = 0, long? Minimum = null, long? Maximum = null)
{
    /// <summary>A binary of exactly this length (NLA_POLICY_EXACT_LEN).</summary>
    public bool IsExact { get; init; }

    /// <summary>The bits of a <see cref="AttributeKind.U32"/> or <see cref="AttributeKind.U8"/> that may be set; null for all.</summary>
    public ulong? Mask { get; init; }

    /// <summary>The kernel has no words for this policy, such as for the mask of a big-endian number.</summary>
    public bool IsUntold { get; init; }

    public static AttributePolicy Any(int minimumLength) => new(AttributeKind.Any, minimumLength);

    /// <summary>The policy as an extended acknowledgement shows it (NLMSGERR_ATTR_POLICY); null for a mere shortest length, which has no words there.</summary>
    public byte[]? Describe()
    {
        if (Kind is AttributeKind.Any or AttributeKind.Rejected || IsUntold)
        {
            return null;
        }

        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        // NL_ATTR_TYPE_*: NLA_NUL_STRING is 12 there and NLA_STRING 11.
        uint type = Kind switch
        {
            AttributeKind.String => 11,
            AttributeKind.NulString => 12,
            _ => (uint)Kind,
        };
        switch (Kind)
        {
            case AttributeKind.String or AttributeKind.NulString or AttributeKind.Binary:
                if (Minimum is { } shortest || IsExact)
                {
                    writer.WriteUInt32(6, IsExact ? (uint)Length : (uint)Minimum!.Value);
                }

                if (Length > 0)
                {
                    writer.WriteUInt32(7, (uint)Length);
                }

                break;
            case AttributeKind.S8 or AttributeKind.S16 or AttributeKind.S32 or AttributeKind.S64:
                int bits = 8 << (Kind - AttributeKind.S8);
                writer.WriteUInt64(2, (ulong)(Minimum ?? long.MinValue >> 64 - bits));
                writer.WriteUInt64(3, (ulong)(Maximum ?? long.MaxValue >> 64 - bits));
                break;
            case AttributeKind.U8 or AttributeKind.U16 or AttributeKind.U32 or AttributeKind.U64 when Mask is { } mask:
                writer.WriteUInt64(12, mask);
                break;
            case AttributeKind.U8 or AttributeKind.U16 or AttributeKind.U32 or AttributeKind.U64:
                writer.WriteUInt64(4, (ulong)(Minimum ?? 0));
                writer.WriteUInt64(5, Maximum is { } largest ? (ulong)largest : Kind switch { AttributeKind.U8 => byte.MaxValue, AttributeKind.U16 => ushort.MaxValue, AttributeKind.U32 => uint.MaxValue, _ => ulong.MaxValue });
                break;
            default:
                break;
        }

        writer.WriteUInt32(1, type);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}

/// <summary>Policies by attribute type.</summary>
internal sealed class PolicyTable
{
    private readonly AttributePolicy?[] _policies;

    public PolicyTable(int maximumType, params ReadOnlySpan<(ushort Type, AttributePolicy Policy)> policies)
    {
        _policies = new AttributePolicy?[maximumType + 1];
        foreach ((ushort type, AttributePolicy policy) in policies)
        {
            _policies[type] = policy;
        }
    }

    private PolicyTable(AttributePolicy?[] policies) => _policies = policies;

    /// <summary>The same but for one type.</summary>
    public PolicyTable With(ushort type, AttributePolicy policy)
    {
        AttributePolicy?[] policies = [.. _policies];
        policies[type] = policy;
        return new PolicyTable(policies) { StrictFrom = StrictFrom };
    }

    public int MaximumType => _policies.Length - 1;

    /// <summary>From this type on attributes are young enough that nothing about them is passed over (strict_start_type).</summary>
    public int StrictFrom { get; init; } = int.MaxValue;

    public AttributePolicy? this[int type] => type < _policies.Length ? _policies[type] : null;
}

/// <summary>The attributes of a message or nest, the last of each type, with their place in the message.</summary>
internal sealed class AttributeSet
{
    private readonly byte[]?[] _values;
    private readonly int[] _offsets;
    private readonly bool[] _nested;

    private AttributeSet(int maximumType)
    {
        _values = new byte[]?[maximumType + 1];
        _offsets = new int[maximumType + 1];
        _nested = new bool[maximumType + 1];
    }

    public bool Has(ushort type) => type < _values.Length && _values[type] is not null;

    /// <summary>The payload, or null where the attribute is absent.</summary>
    public byte[]? Bytes(ushort type) => type < _values.Length ? _values[type] : null;

    /// <summary>Where the attribute's header begins, from the start of the message.</summary>
    public int Offset(ushort type) => type < _offsets.Length ? _offsets[type] : 0;

    public bool IsNested(ushort type) => type < _nested.Length && _nested[type];

    public byte? U8(ushort type) => Bytes(type) is { Length: >= 1 } bytes ? bytes[0] : null;

    public ushort? U16(ushort type) => Bytes(type) is { Length: >= 2 } bytes ? MemoryMarshal.Read<ushort>(bytes) : null;

    public uint? U32(ushort type) => Bytes(type) is { Length: >= 4 } bytes ? MemoryMarshal.Read<uint>(bytes) : null;

    public int? S32(ushort type) => Bytes(type) is { Length: >= 4 } bytes ? MemoryMarshal.Read<int>(bytes) : null;

    public ulong? U64(ushort type) => Bytes(type) is { Length: >= 8 } bytes ? MemoryMarshal.Read<ulong>(bytes) : null;

    /// <summary>A string up to its first NUL.</summary>
    public string? Text(ushort type)
    {
        if (Bytes(type) is not { } bytes)
        {
            return null;
        }

        int end = Array.IndexOf(bytes, (byte)0);
        return System.Text.Encoding.Latin1.GetString(bytes, 0, end < 0 ? bytes.Length : end);
    }

    /// <summary>The attributes within a nest, parsed without strictness.</summary>
    public AttributeSet? Nest(ushort type, PolicyTable policy, out Verdict verdict)
    {
        verdict = Verdict.Success;
        if (Bytes(type) is not { } bytes)
        {
            return null;
        }

        return TryParse(bytes, Offset(type) + 4, policy, AttributeStrictness.Liberal, out AttributeSet set, out verdict) ? set : null;
    }

    /// <summary>Parses and validates attributes as __nla_validate_parse does.</summary>
    /// <param name="bytes">The attributes.</param>
    /// <param name="offset">Where they begin in the message.</param>
    /// <param name="policy">What is demanded of them.</param>
    /// <param name="strictness">What is refused beyond that.</param>
    /// <param name="set">The attributes found.</param>
    /// <param name="verdict">Why it failed.</param>
    public static bool TryParse(ReadOnlySpan<byte> bytes, int offset, PolicyTable policy, AttributeStrictness strictness, out AttributeSet set, out Verdict verdict)
    {
        set = new AttributeSet(policy.MaximumType);
        verdict = Verdict.Success;
        int position = 0;
        while (bytes.Length - position >= 4)
        {
            ushort length = MemoryMarshal.Read<ushort>(bytes[position..]);
            ushort raw = MemoryMarshal.Read<ushort>(bytes[(position + 2)..]);
            if (length < 4 || length > bytes.Length - position)
            {
                break;
            }

            int type = raw & 0x3fff;
            ReadOnlySpan<byte> value = bytes.Slice(position + 4, length - 4);
            if (type == 0 || type > policy.MaximumType)
            {
                if (strictness >= AttributeStrictness.NoUnknown)
                {
                    verdict = new Verdict(LinuxError.EINVAL, "Unknown attribute type", offset + position);
                    return false;
                }
            }
            else
            {
                AttributeStrictness own = type >= policy.StrictFrom ? AttributeStrictness.Strict : strictness;
                Verdict? refusal = policy[type] is { } demand ? Check(demand, raw, value, own, offset + position)
                    : type >= policy.StrictFrom ? new Verdict(LinuxError.EINVAL, "Unsupported attribute", offset + position)
                    : null;
                if (refusal is { } reason)
                {
                    verdict = reason;
                    return false;
                }

                set._values[type] = value.ToArray();
                set._offsets[type] = offset + position;
                set._nested[type] = (raw & 0x8000) != 0;
            }

            position += length + 3 & ~3;
        }

        if (position < bytes.Length && strictness >= AttributeStrictness.NoTrailing)
        {
            verdict = new Verdict(LinuxError.EINVAL, "bytes leftover after parsing attributes");
            return false;
        }

        return true;
    }

    private static Verdict? Check(AttributePolicy demand, ushort raw, ReadOnlySpan<byte> value, AttributeStrictness strictness, int offset)
    {
        int fixedLength = demand.Kind switch
        {
            AttributeKind.U8 or AttributeKind.S8 => 1,
            AttributeKind.U16 or AttributeKind.S16 => 2,
            AttributeKind.U32 or AttributeKind.S32 => 4,
            AttributeKind.U64 or AttributeKind.S64 => 8,
            _ => 0,
        };
        if (strictness == AttributeStrictness.Strict && fixedLength > 0 && value.Length != fixedLength)
        {
            return Invalid(demand, offset, LinuxError.EINVAL, "invalid attribute length");
        }

        if (strictness == AttributeStrictness.Strict && demand.Kind == AttributeKind.Nested && (raw & 0x8000) == 0)
        {
            return Invalid(demand, offset, LinuxError.EINVAL, "NLA_F_NESTED is missing");
        }

        if (strictness == AttributeStrictness.Strict && demand.Kind is not (AttributeKind.Nested or AttributeKind.Any) && (raw & 0x8000) != 0)
        {
            return Invalid(demand, offset, LinuxError.EINVAL, "NLA_F_NESTED not expected");
        }

        switch (demand.Kind)
        {
            case AttributeKind.Rejected:
                return Invalid(demand, offset, LinuxError.EINVAL);
            case AttributeKind.Flag when value.Length > 0:
                return Invalid(demand, offset);
            case AttributeKind.NulString:
                int longest = demand.Length > 0 ? Math.Min(value.Length, demand.Length + 1) : value.Length;
                if (longest == 0 || value[..longest].IndexOf((byte)0) < 0)
                {
                    return Invalid(demand, offset, LinuxError.EINVAL);
                }

                goto case AttributeKind.String;
            case AttributeKind.String:
                if (value.Length < 1)
                {
                    return Invalid(demand, offset);
                }

                int length = value[^1] == 0 ? value.Length - 1 : value.Length;
                return demand.Length > 0 && length > demand.Length ? Invalid(demand, offset) : null;
            case AttributeKind.Binary:
                return demand.IsExact && value.Length != demand.Length ? Invalid(demand, offset, LinuxError.ERANGE, "binary attribute size out of range")
                    : (demand.Length > 0 && value.Length > demand.Length) || value.Length < (demand.Minimum ?? 0) ? Invalid(demand, offset)
                    : null;
            case AttributeKind.Nested:
                return value.Length is > 0 and < 4 ? Invalid(demand, offset) : null;
            case AttributeKind.Any:
                return value.Length < demand.Length ? Invalid(demand, offset) : null;
            default:
                if (value.Length < fixedLength)
                {
                    return Invalid(demand, offset);
                }

                break;
        }

        if (demand.Mask is { } mask && !demand.IsUntold && ((demand.Kind == AttributeKind.U8 ? value[0] : MemoryMarshal.Read<uint>(value)) & ~mask) != 0)
        {
            return new Verdict(LinuxError.EINVAL, "reserved bit set", offset);
        }

        if (demand.Minimum is null && demand.Maximum is null)
        {
            return null;
        }

        long number = demand.Kind switch
        {
            AttributeKind.U8 => value[0],
            AttributeKind.U16 => MemoryMarshal.Read<ushort>(value),
            AttributeKind.U32 => MemoryMarshal.Read<uint>(value),
            AttributeKind.S32 => MemoryMarshal.Read<int>(value),
            _ => MemoryMarshal.Read<long>(value),
        };
        return number < (demand.Minimum ?? long.MinValue) || number > (demand.Maximum ?? long.MaxValue)
            ? Invalid(demand, offset, LinuxError.ERANGE, "integer out of range")
            : null;
    }

    private static Verdict Invalid(AttributePolicy demand, int offset, LinuxError error = LinuxError.ERANGE, string message = "Attribute failed policy validation") =>
        new(error, message, offset, demand.Describe());
}

/// <summary>How much the kernel refuses when it parses attributes (NL_VALIDATE_*).</summary>
internal enum AttributeStrictness
{
    /// <summary>Old handlers: unknown types and trailing bytes pass (nla_parse_deprecated).</summary>
    Liberal,

    /// <summary>Trailing bytes are refused.</summary>
    NoTrailing,

    /// <summary>Unknown types also (nla_parse_deprecated_strict).</summary>
    NoUnknown,

    /// <summary>Wrong lengths and missing nest flags also (nla_parse).</summary>
    Strict,
}
