namespace EucaNet.Netlink.Wire;

/// <summary>
/// Names and forms of a family that has no models here: what is needed to read along, and to tell header from attributes
/// (linux/xfrm.h, genetlink.h, netfilter/nfnetlink.h).
/// </summary>
internal sealed class FamilyCatalog : MessageCatalog
{
    private static readonly AttributeTable XfrmAttributes = new(
        "Xfrm",
        new AttributeDefinition(1, "XFRMA_ALG_AUTH"),
        new AttributeDefinition(2, "XFRMA_ALG_CRYPT"),
        new AttributeDefinition(3, "XFRMA_ALG_COMP"),
        new AttributeDefinition(4, "XFRMA_ENCAP"),
        new AttributeDefinition(5, "XFRMA_TMPL"),
        new AttributeDefinition(6, "XFRMA_SA"),
        new AttributeDefinition(7, "XFRMA_POLICY"),
        new AttributeDefinition(8, "XFRMA_SEC_CTX"),
        new AttributeDefinition(9, "XFRMA_LTIME_VAL"),
        new AttributeDefinition(10, "XFRMA_REPLAY_VAL"),
        new AttributeDefinition(11, "XFRMA_REPLAY_THRESH", AttributeFormat.UInt32),
        new AttributeDefinition(12, "XFRMA_ETIMER_THRESH", AttributeFormat.UInt32),
        new AttributeDefinition(13, "XFRMA_SRCADDR", AttributeFormat.IpAddress),
        new AttributeDefinition(14, "XFRMA_COADDR", AttributeFormat.IpAddress),
        new AttributeDefinition(15, "XFRMA_LASTUSED", AttributeFormat.UInt64),
        new AttributeDefinition(16, "XFRMA_POLICY_TYPE"),
        new AttributeDefinition(17, "XFRMA_MIGRATE"),
        new AttributeDefinition(18, "XFRMA_ALG_AEAD"),
        new AttributeDefinition(19, "XFRMA_KMADDRESS"),
        new AttributeDefinition(20, "XFRMA_ALG_AUTH_TRUNC"),
        new AttributeDefinition(21, "XFRMA_MARK"),
        new AttributeDefinition(22, "XFRMA_TFCPAD", AttributeFormat.UInt32),
        new AttributeDefinition(23, "XFRMA_REPLAY_ESN_VAL"),
        new AttributeDefinition(24, "XFRMA_SA_EXTRA_FLAGS", AttributeFormat.UInt32),
        new AttributeDefinition(25, "XFRMA_PROTO", AttributeFormat.UInt8),
        new AttributeDefinition(26, "XFRMA_ADDRESS_FILTER"),
        new AttributeDefinition(27, "XFRMA_PAD"),
        new AttributeDefinition(28, "XFRMA_OFFLOAD_DEV"),
        new AttributeDefinition(29, "XFRMA_SET_MARK", AttributeFormat.UInt32),
        new AttributeDefinition(30, "XFRMA_SET_MARK_MASK", AttributeFormat.UInt32),
        new AttributeDefinition(31, "XFRMA_IF_ID", AttributeFormat.UInt32),
        new AttributeDefinition(32, "XFRMA_MTIMER_THRESH", AttributeFormat.UInt32));

    private static readonly AttributeTable GenericOperation = new(
        "Operation",
        new AttributeDefinition(1, "CTRL_ATTR_OP_ID", AttributeFormat.UInt32),
        new AttributeDefinition(2, "CTRL_ATTR_OP_FLAGS", AttributeFormat.UInt32));

    private static readonly AttributeTable GenericGroup = new(
        "Group",
        new AttributeDefinition(1, "CTRL_ATTR_MCAST_GRP_NAME", AttributeFormat.String),
        new AttributeDefinition(2, "CTRL_ATTR_MCAST_GRP_ID", AttributeFormat.UInt32));

    private static readonly AttributeTable GenericControl = new(
        "Control",
        new AttributeDefinition(1, "CTRL_ATTR_FAMILY_ID", AttributeFormat.UInt16),
        new AttributeDefinition(2, "CTRL_ATTR_FAMILY_NAME", AttributeFormat.String),
        new AttributeDefinition(3, "CTRL_ATTR_VERSION", AttributeFormat.UInt32),
        new AttributeDefinition(4, "CTRL_ATTR_HDRSIZE", AttributeFormat.UInt32),
        new AttributeDefinition(5, "CTRL_ATTR_MAXATTR", AttributeFormat.UInt32),
        new AttributeDefinition(6, "CTRL_ATTR_OPS", AttributeFormat.List, GenericOperation),
        new AttributeDefinition(7, "CTRL_ATTR_MCAST_GROUPS", AttributeFormat.List, GenericGroup),
        new AttributeDefinition(8, "CTRL_ATTR_POLICY", AttributeFormat.Nested),
        new AttributeDefinition(9, "CTRL_ATTR_OP_POLICY", AttributeFormat.Nested),
        new AttributeDefinition(10, "CTRL_ATTR_OP", AttributeFormat.UInt32));

    private static readonly AttributeTable Unknown = new("");

    private readonly Dictionary<ushort, MessageDefinition> _known;
    private readonly string _otherName;
    private readonly int? _otherHeaderSize;

    private FamilyCatalog(string otherName, int? otherHeaderSize, params ReadOnlySpan<(int Type, MessageDefinition Definition)> known)
    {
        _otherName = otherName;
        _otherHeaderSize = otherHeaderSize;
        _known = [];
        foreach ((int type, MessageDefinition definition) in known)
        {
            _known[(ushort)type] = definition;
        }
    }

    /// <summary>IPsec: the header's size depends on the message.</summary>
    public static FamilyCatalog Xfrm { get; } = new(
        "XFRM_MSG",
        null,
        (16, new MessageDefinition("XFRM_MSG_NEWSA", 224, XfrmAttributes)),
        (17, new MessageDefinition("XFRM_MSG_DELSA", 24, XfrmAttributes)),
        (18, new MessageDefinition("XFRM_MSG_GETSA", 24, XfrmAttributes)),
        (19, new MessageDefinition("XFRM_MSG_NEWPOLICY", 168, XfrmAttributes)),
        (20, new MessageDefinition("XFRM_MSG_DELPOLICY", 64, XfrmAttributes)),
        (21, new MessageDefinition("XFRM_MSG_GETPOLICY", 64, XfrmAttributes)),
        (22, new MessageDefinition("XFRM_MSG_ALLOCSPI", 232, XfrmAttributes)),
        (23, new MessageDefinition("XFRM_MSG_ACQUIRE", 280, XfrmAttributes)),
        (24, new MessageDefinition("XFRM_MSG_EXPIRE", 232, XfrmAttributes)),
        (25, new MessageDefinition("XFRM_MSG_UPDPOLICY", 168, XfrmAttributes)),
        (26, new MessageDefinition("XFRM_MSG_UPDSA", 224, XfrmAttributes)),
        (27, new MessageDefinition("XFRM_MSG_POLEXPIRE", 176, XfrmAttributes)),
        (28, new MessageDefinition("XFRM_MSG_FLUSHSA", 1, XfrmAttributes)),
        (29, new MessageDefinition("XFRM_MSG_FLUSHPOLICY", 0, XfrmAttributes)));

    /// <summary>Netfilter: a struct nfgenmsg in front, the subsystem in the type's upper byte.</summary>
    public static FamilyCatalog Netfilter { get; } = new("NFNL", 4);

    /// <summary>Generic netlink: a struct genlmsghdr in front; only the controller's type is fixed.</summary>
    public static FamilyCatalog Generic { get; } = new("GENL", 4, (16, new MessageDefinition("GENL_ID_CTRL", 4, GenericControl)));

    /// <inheritdoc />
    public override MessageDefinition? Find(ushort type)
    {
        if (_known.TryGetValue(type, out MessageDefinition? definition))
        {
            return definition;
        }

        return _otherHeaderSize is { } size && type >= NetlinkMessageType.FirstOfFamily ? new MessageDefinition($"{_otherName}#{type}", size, Unknown) : null;
    }
}
