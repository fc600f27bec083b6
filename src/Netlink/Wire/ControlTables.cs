namespace EucaNet.Netlink.Wire;

/// <summary>The names and forms of the attributes that every family shares (linux/netlink.h).</summary>
internal static class ControlTables
{
    public const ushort NLMSGERR_ATTR_MSG = 1;
    public const ushort NLMSGERR_ATTR_OFFS = 2;
    public const ushort NLMSGERR_ATTR_COOKIE = 3;
    public const ushort NLMSGERR_ATTR_POLICY = 4;
    public const ushort NLMSGERR_ATTR_MISS_TYPE = 5;
    public const ushort NLMSGERR_ATTR_MISS_NEST = 6;
    public const ushort NL_POLICY_TYPE_ATTR_TYPE = 1;
    public const ushort NL_POLICY_TYPE_ATTR_MIN_VALUE_S = 2;
    public const ushort NL_POLICY_TYPE_ATTR_MAX_VALUE_S = 3;
    public const ushort NL_POLICY_TYPE_ATTR_MIN_VALUE_U = 4;
    public const ushort NL_POLICY_TYPE_ATTR_MAX_VALUE_U = 5;
    public const ushort NL_POLICY_TYPE_ATTR_MIN_LENGTH = 6;
    public const ushort NL_POLICY_TYPE_ATTR_MAX_LENGTH = 7;
    public const ushort NL_POLICY_TYPE_ATTR_POLICY_IDX = 8;
    public const ushort NL_POLICY_TYPE_ATTR_POLICY_MAXTYPE = 9;
    public const ushort NL_POLICY_TYPE_ATTR_BITFIELD32_MASK = 10;
    public const ushort NL_POLICY_TYPE_ATTR_MASK = 12;

    public static readonly AttributeTable Policy = new(
        "Policy",
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_TYPE, nameof(NL_POLICY_TYPE_ATTR_TYPE), AttributeFormat.UInt32),
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_MIN_VALUE_S, nameof(NL_POLICY_TYPE_ATTR_MIN_VALUE_S), AttributeFormat.UInt64),
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_MAX_VALUE_S, nameof(NL_POLICY_TYPE_ATTR_MAX_VALUE_S), AttributeFormat.UInt64),
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_MIN_VALUE_U, nameof(NL_POLICY_TYPE_ATTR_MIN_VALUE_U), AttributeFormat.UInt64),
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_MAX_VALUE_U, nameof(NL_POLICY_TYPE_ATTR_MAX_VALUE_U), AttributeFormat.UInt64),
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_MIN_LENGTH, nameof(NL_POLICY_TYPE_ATTR_MIN_LENGTH), AttributeFormat.UInt32),
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_MAX_LENGTH, nameof(NL_POLICY_TYPE_ATTR_MAX_LENGTH), AttributeFormat.UInt32),
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_POLICY_IDX, nameof(NL_POLICY_TYPE_ATTR_POLICY_IDX), AttributeFormat.UInt32),
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_POLICY_MAXTYPE, nameof(NL_POLICY_TYPE_ATTR_POLICY_MAXTYPE), AttributeFormat.UInt32),
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_BITFIELD32_MASK, nameof(NL_POLICY_TYPE_ATTR_BITFIELD32_MASK), AttributeFormat.UInt32),
        new AttributeDefinition(NL_POLICY_TYPE_ATTR_MASK, nameof(NL_POLICY_TYPE_ATTR_MASK), AttributeFormat.UInt64));

    public static readonly AttributeTable ExtendedAcknowledgement = new(
        "ExtendedAcknowledgement",
        new AttributeDefinition(NLMSGERR_ATTR_MSG, nameof(NLMSGERR_ATTR_MSG), AttributeFormat.String),
        new AttributeDefinition(NLMSGERR_ATTR_OFFS, nameof(NLMSGERR_ATTR_OFFS), AttributeFormat.UInt32),
        new AttributeDefinition(NLMSGERR_ATTR_COOKIE, nameof(NLMSGERR_ATTR_COOKIE)),
        new AttributeDefinition(NLMSGERR_ATTR_POLICY, nameof(NLMSGERR_ATTR_POLICY), AttributeFormat.Nested, Policy),
        new AttributeDefinition(NLMSGERR_ATTR_MISS_TYPE, nameof(NLMSGERR_ATTR_MISS_TYPE), AttributeFormat.UInt32),
        new AttributeDefinition(NLMSGERR_ATTR_MISS_NEST, nameof(NLMSGERR_ATTR_MISS_NEST), AttributeFormat.UInt32));
}
