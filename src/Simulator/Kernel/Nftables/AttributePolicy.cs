using System.Buffers.Binary;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>What kind of payload an attribute must have (enum netlink_attribute_type seen from the kernel's side).</summary>
internal enum AttributeKind
{
    Unspecified,
    Flag,
    U8,
    U16,
    U32,
    U64,
    Binary,
    String,
    TerminatedString,
    Nested,

    /// <summary>The kernel tells it and takes it from nobody.</summary>
    Refused,
}

/// <summary>The rule for one attribute type.</summary>
/// <param name="Kind">The kind of payload.</param>
/// <param name="Limit">Longest payload of a string (without its NUL) or of binary data; 0 for no limit.</param>
/// <param name="Maximum">Largest value of a number in network byte order; null for no limit.</param>
internal readonly record struct AttributeRule(AttributeKind Kind, int Limit = 0, ulong? Maximum = null)
{
    /// <summary>The bits that a number may have; null for all.</summary>
    public uint? Mask { get; init; }

    /// <summary>Checks the payload as liberal validation does: numbers may be longer than needed, never shorter.</summary>
    public LinuxError Validate(KernelAttribute attribute)
    {
        int length = attribute.Length;
        switch (Kind)
        {
            case AttributeKind.Refused:
                return LinuxError.EINVAL;
            case AttributeKind.Flag:
                return length > 0 ? LinuxError.ERANGE : LinuxError.None;
            case AttributeKind.String:
                return length < 1 ? LinuxError.ERANGE : TooLong(attribute.Value);
            case AttributeKind.TerminatedString:
                ReadOnlySpan<byte> text = Limit > 0 ? attribute.Value[..Math.Min(length, Limit + 1)] : attribute.Value;
                return text.Contains((byte)0) ? TooLong(attribute.Value) : LinuxError.EINVAL;
            case AttributeKind.Binary:
                return Limit > 0 && length > Limit ? LinuxError.ERANGE : LinuxError.None;
            case AttributeKind.Nested:
                return length is > 0 and < 4 ? LinuxError.ERANGE : LinuxError.None;
            case AttributeKind.U8:
                return length < 1 ? LinuxError.ERANGE : Range(attribute.Byte);
            case AttributeKind.U16:
                return length < 2 ? LinuxError.ERANGE : Range(attribute.UInt16BigEndian);
            case AttributeKind.U32:
                return length < 4 ? LinuxError.ERANGE
                    : Mask is { } mask && (attribute.UInt32BigEndian & ~mask) != 0 ? LinuxError.EINVAL
                    : Range(attribute.UInt32BigEndian);
            case AttributeKind.U64:
                return length < 8 ? LinuxError.ERANGE : Range(attribute.UInt64BigEndian);
            default:
                return LinuxError.None;
        }
    }

    /// <summary>A NUL at the end does not count, what stands behind one within does.</summary>
    private LinuxError TooLong(ReadOnlySpan<byte> text) => Limit > 0 && (text[^1] == 0 ? text.Length - 1 : text.Length) > Limit ? LinuxError.ERANGE : LinuxError.None;

    private LinuxError Range(ulong value) => Maximum is { } maximum && value > maximum ? LinuxError.ERANGE : LinuxError.None;

    /// <summary>The policy as an extended acknowledgement tells it (NLMSGERR_ATTR_POLICY): limits first, then the type.</summary>
    public byte[] Describe()
    {
        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        uint type;
        switch (Kind)
        {
            case AttributeKind.Flag:
                type = 1;
                break;
            case AttributeKind.U8 or AttributeKind.U16 or AttributeKind.U32 or AttributeKind.U64:
                type = (uint)(Kind - AttributeKind.U8) + 2;
                writer.WriteUInt64(4, 0);
                writer.WriteUInt64(5, Maximum ?? (Kind switch
                {
                    AttributeKind.U8 => byte.MaxValue,
                    AttributeKind.U16 => ushort.MaxValue,
                    AttributeKind.U32 => uint.MaxValue,
                    _ => ulong.MaxValue,
                }));
                break;
            case AttributeKind.Binary:
                type = 10;
                if (Limit > 0)
                {
                    writer.WriteUInt32(7, (uint)Limit);
                }

                break;
            case AttributeKind.String or AttributeKind.TerminatedString:
                type = Kind == AttributeKind.String ? 11u : 12u;
                if (Limit > 0)
                {
                    writer.WriteUInt32(7, (uint)Limit);
                }

                break;
            case AttributeKind.Nested:
                type = 13;
                break;
            default:
                type = 0;
                break;
        }

        writer.WriteUInt32(1, type);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}

/// <summary>The rules of one level of attributes, by type.</summary>
internal sealed class AttributePolicy
{
    private readonly AttributeRule[] _rules;

    public AttributePolicy(int maximumType, params (int Type, AttributeRule Rule)[] rules)
    {
        _rules = new AttributeRule[maximumType + 1];
        foreach ((int type, AttributeRule rule) in rules)
        {
            _rules[type] = rule;
        }
    }

    public int MaximumType => _rules.Length - 1;

    public AttributeRule this[int type] => _rules[type];

    /// <summary>No attribute is known.</summary>
    public static readonly AttributePolicy None = new(0);

    public static readonly AttributeRule U8 = new(AttributeKind.U8);
    public static readonly AttributeRule U16 = new(AttributeKind.U16);
    public static readonly AttributeRule U32 = new(AttributeKind.U32);
    public static readonly AttributeRule U64 = new(AttributeKind.U64);
    public static readonly AttributeRule Nested = new(AttributeKind.Nested);
    public static readonly AttributeRule Flag = new(AttributeKind.Flag);
    public static readonly AttributeRule Data = new(AttributeKind.Binary);

    /// <summary>A byte-sized number sent as u32 (NLA_POLICY_MAX(NLA_BE32, 255)).</summary>
    public static readonly AttributeRule U32ByteSized = new(AttributeKind.U32, Maximum: 255);

    /// <summary>A name of a table, chain, set, object or flowtable.</summary>
    public static readonly AttributeRule ObjectName = new(AttributeKind.String, 255);

    /// <summary>Data that belongs to user space.</summary>
    public static readonly AttributeRule UserData = new(AttributeKind.Binary, 256);

    /// <summary>A name that may become a module's name.</summary>
    public static readonly AttributeRule ModuleName = new(AttributeKind.String, 42);

    public static AttributeRule Text(int limit) => new(AttributeKind.String, limit);

    /// <summary>Flags sent as u32 (NLA_POLICY_MASK(NLA_BE32, …)).</summary>
    public static AttributeRule Flags32(uint known) => new(AttributeKind.U32) { Mask = known };
}
