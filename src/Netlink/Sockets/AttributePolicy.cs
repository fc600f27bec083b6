using System.Globalization;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Wire.ControlTables;

namespace EucaNet.Netlink.Sockets;

/// <summary>The kind of value the kernel expects in an attribute (enum netlink_attribute_type).</summary>
public enum AttributePolicyType
{
#pragma warning disable CS1591 // the kernel's own names say it
    Invalid = 0,
    Flag = 1,
    UInt8 = 2,
    UInt16 = 3,
    UInt32 = 4,
    UInt64 = 5,
    Int8 = 6,
    Int16 = 7,
    Int32 = 8,
    Int64 = 9,
    Binary = 10,
    String = 11,
    NulString = 12,
    Nested = 13,
    NestedArray = 14,
    BitField32 = 15,
    SignedInteger = 16,
    UnsignedInteger = 17,
#pragma warning restore CS1591
}

/// <summary>What the kernel would have taken in the attribute it refused (NLMSGERR_ATTR_POLICY, Linux 5.10).</summary>
/// <param name="Type">The kind of value.</param>
/// <param name="Minimum">The least value, or null.</param>
/// <param name="Maximum">The greatest value, or null.</param>
/// <param name="MinimumLength">The least length in bytes, or null.</param>
/// <param name="MaximumLength">The greatest length in bytes, or null; without its NUL for text.</param>
/// <param name="Mask">The bits that may be set, or null.</param>
public sealed record AttributePolicy(
    AttributePolicyType Type, decimal? Minimum, decimal? Maximum, uint? MinimumLength, uint? MaximumLength, ulong? Mask)
{
    /// <summary>Reads the nested attributes of enum netlink_policy_type_attr.</summary>
    internal static AttributePolicy Read(AttributeReader reader)
    {
        var policy = new AttributePolicy(AttributePolicyType.Invalid, null, null, null, null, null);
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            policy = attribute.Type switch
            {
                NL_POLICY_TYPE_ATTR_TYPE => policy with { Type = (AttributePolicyType)attribute.UInt32 },
                NL_POLICY_TYPE_ATTR_MIN_VALUE_S => policy with { Minimum = (long)attribute.UInt64 },
                NL_POLICY_TYPE_ATTR_MAX_VALUE_S => policy with { Maximum = (long)attribute.UInt64 },
                NL_POLICY_TYPE_ATTR_MIN_VALUE_U => policy with { Minimum = attribute.UInt64 },
                NL_POLICY_TYPE_ATTR_MAX_VALUE_U => policy with { Maximum = attribute.UInt64 },
                NL_POLICY_TYPE_ATTR_MIN_LENGTH => policy with { MinimumLength = attribute.UInt32 },
                NL_POLICY_TYPE_ATTR_MAX_LENGTH => policy with { MaximumLength = attribute.UInt32 },
                NL_POLICY_TYPE_ATTR_BITFIELD32_MASK => policy with { Mask = attribute.UInt32 },
                NL_POLICY_TYPE_ATTR_MASK => policy with { Mask = attribute.UInt64 },
                _ => policy,
            };
        }

        return policy;
    }

    /// <summary>In words: "text of at most 15 bytes", "UInt16 between 1 and 4094".</summary>
    public override string ToString()
    {
        string kind = Type is AttributePolicyType.String or AttributePolicyType.NulString ? "text" : Type.ToString();
        string range = (Minimum, Maximum) switch
        {
            ({ } low, { } high) => string.Create(CultureInfo.InvariantCulture, $" between {low} and {high}"),
            ({ } low, null) => string.Create(CultureInfo.InvariantCulture, $" of at least {low}"),
            (null, { } high) => string.Create(CultureInfo.InvariantCulture, $" of at most {high}"),
            _ => "",
        };
        string length = (MinimumLength, MaximumLength) switch
        {
            ({ } low, { } high) when low == high => $" of {low} bytes",
            ({ } low, { } high) => $" of {low} to {high} bytes",
            ({ } low, null) => $" of at least {low} bytes",
            (null, { } high) => $" of at most {high} bytes",
            _ => "",
        };
        return kind + range + length + (Mask is { } mask ? $" within the bits 0x{mask:x}" : "");
    }
}
