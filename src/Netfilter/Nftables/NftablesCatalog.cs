using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Wire.AttributeFormat;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// The kernel's names of all messages and attributes of nf_tables, by which errors say what was refused
/// ("NFTA_RULE_EXPRESSIONS[2].NFTA_EXPR_DATA.NFTA_LOOKUP_SET"). Names stand in the order of their numbers.
/// </summary>
public sealed class NftablesCatalog : MessageCatalog
{
    private readonly MessageDefinition?[] _messages = new MessageDefinition?[34];
    private readonly Dictionary<string, AttributeTable> _expressions;

    private NftablesCatalog()
    {
        AttributeTable verdict = Level("NFTA_VERDICT_", ["CODE", "CHAIN", "CHAIN_ID"]);
        AttributeTable data = Level("NFTA_DATA_", ["VALUE", "VERDICT"], ("VERDICT", verdict, Nested));
        _expressions = Expressions(data);
        var expression = new AttributeTable(
            "NFTA_EXPR_",
            new AttributeDefinition(NfTables.NFTA_EXPR_NAME, "NFTA_EXPR_NAME", AttributeFormat.String),
            new AttributeDefinition(NfTables.NFTA_EXPR_DATA, "NFTA_EXPR_DATA", Nested, Select: (_, siblings) => ExpressionTable(siblings)));
        AttributeTable hook = Level("NFTA_HOOK_", ["HOOKNUM", "PRIORITY", "DEV", "DEVS"], ("DEVS", Level("NFTA_DEVICE_", ["NAME", "PREFIX"]), Nested));
        AttributeTable counter = _expressions["counter"];

        Message("TABLE", Level("NFTA_TABLE_", ["NAME", "FLAGS", "USE", "HANDLE", "PAD", "USERDATA", "OWNER"]), 0, 26);
        Message("CHAIN", Level("NFTA_CHAIN_", ["TABLE", "HANDLE", "NAME", "HOOK", "POLICY", "USE", "TYPE", "COUNTERS", "PAD", "FLAGS", "ID", "USERDATA"], ("HOOK", hook, Nested), ("COUNTERS", counter, Nested)), 3, 27);
        AttributeTable rule = Level(
            "NFTA_RULE_",
            ["TABLE", "CHAIN", "HANDLE", "EXPRESSIONS", "COMPAT", "POSITION", "USERDATA", "PAD", "ID", "POSITION_ID", "CHAIN_ID"],
            ("EXPRESSIONS", expression, List),
            ("COMPAT", Level("NFTA_RULE_COMPAT_", ["PROTO", "FLAGS"]), Nested));
        Message("RULE", rule, 6, 28);
        _messages[NfTables.NFT_MSG_GETRULE_RESET] = new MessageDefinition("NFT_MSG_GETRULE_RESET", NfnetlinkHeader.Size, rule);
        AttributeTable description = Level("NFTA_SET_DESC_", ["SIZE", "CONCAT"], ("CONCAT", Level("NFTA_SET_FIELD_", ["LEN"]), List));
        Message(
            "SET",
            Level(
                "NFTA_SET_",
                ["TABLE", "NAME", "FLAGS", "KEY_TYPE", "KEY_LEN", "DATA_TYPE", "DATA_LEN", "POLICY", "DESC", "ID", "TIMEOUT", "GC_INTERVAL", "USERDATA", "PAD", "OBJ_TYPE", "HANDLE", "EXPR", "EXPRESSIONS", "TYPE", "COUNT"],
                ("DESC", description, Nested),
                ("EXPR", expression, Nested),
                ("EXPRESSIONS", expression, List)),
            9,
            29);
        AttributeTable element = Level(
            "NFTA_SET_ELEM_",
            ["KEY", "DATA", "FLAGS", "TIMEOUT", "EXPIRATION", "USERDATA", "EXPR", "PAD", "OBJREF", "KEY_END", "EXPRESSIONS"],
            ("KEY", data, Nested),
            ("DATA", data, Nested),
            ("KEY_END", data, Nested),
            ("EXPR", expression, Nested),
            ("EXPRESSIONS", expression, List));
        AttributeTable elements = Level("NFTA_SET_ELEM_LIST_", ["TABLE", "SET", "ELEMENTS", "SET_ID"], ("ELEMENTS", element, List));
        Message("SETELEM", elements, 12, 30);
        _messages[NfTables.NFT_MSG_GETSETELEM_RESET] = new MessageDefinition("NFT_MSG_GETSETELEM_RESET", NfnetlinkHeader.Size, elements);
        AttributeTable generation = Level("NFTA_GEN_", ["ID", "PROC_PID", "PROC_NAME"]);
        _messages[NfTables.NFT_MSG_NEWGEN] = new MessageDefinition("NFT_MSG_NEWGEN", NfnetlinkHeader.Size, generation);
        _messages[NfTables.NFT_MSG_GETGEN] = new MessageDefinition("NFT_MSG_GETGEN", NfnetlinkHeader.Size, generation);
        AttributeTable objects = ObjectLevel();
        Message("OBJ", objects, 18, 31);
        _messages[NfTables.NFT_MSG_GETOBJ_RESET] = new MessageDefinition("NFT_MSG_GETOBJ_RESET", NfnetlinkHeader.Size, objects);
        AttributeTable flowtableHook = Level("NFTA_FLOWTABLE_HOOK_", ["NUM", "PRIORITY", "DEVS"], ("DEVS", Level("NFTA_DEVICE_", ["NAME", "PREFIX"]), Nested));
        Message("FLOWTABLE", Level("NFTA_FLOWTABLE_", ["TABLE", "NAME", "HOOK", "USE", "HANDLE", "PAD", "FLAGS"], ("HOOK", flowtableHook, Nested)), 22, 32);

        // Within dynset and inner an expression holds expressions.
        _expressions["dynset"] = Level("NFTA_DYNSET_", ["SET_NAME", "SET_ID", "OP", "SREG_KEY", "SREG_DATA", "TIMEOUT", "EXPR", "PAD", "FLAGS", "EXPRESSIONS"], ("EXPR", expression, Nested), ("EXPRESSIONS", expression, List));
        _expressions["inner"] = Level("NFTA_INNER_", ["NUM", "TYPE", "FLAGS", "HDRSIZE", "EXPR"], ("EXPR", expression, Nested));
    }

    /// <summary>The one catalog.</summary>
    public static NftablesCatalog Instance { get; } = new();

    /// <inheritdoc />
    public override MessageDefinition? Find(ushort type) => type >> 8 == Nfnetlink.NFNL_SUBSYS_NFTABLES && (type & 0xff) < _messages.Length ? _messages[type & 0xff] : null;

    /// <summary>The attributes of an expression by its name; null where it is unknown.</summary>
    internal AttributeTable? ExpressionAttributes(string expression) => _expressions.GetValueOrDefault(expression);

    private AttributeTable? ExpressionTable(ReadOnlySpan<byte> siblings) =>
        new AttributeReader(siblings).TryFind(NfTables.NFTA_EXPR_NAME, out NetlinkAttribute name) ? _expressions.GetValueOrDefault(name.String) : null;

    private void Message(string kind, AttributeTable attributes, int first, int destroy)
    {
        _messages[first] = new MessageDefinition("NFT_MSG_NEW" + kind, NfnetlinkHeader.Size, attributes);
        _messages[first + 1] = new MessageDefinition("NFT_MSG_GET" + kind, NfnetlinkHeader.Size, attributes);
        _messages[first + 2] = new MessageDefinition("NFT_MSG_DEL" + kind, NfnetlinkHeader.Size, attributes);
        _messages[destroy] = new MessageDefinition("NFT_MSG_DESTROY" + kind, NfnetlinkHeader.Size, attributes);
    }

    private static AttributeTable Level(string prefix, ReadOnlySpan<string> names, params ReadOnlySpan<(string Name, AttributeTable Within, AttributeFormat Format)> nests)
    {
        var definitions = new AttributeDefinition[names.Length];
        for (int index = 0; index < names.Length; index++)
        {
            var definition = new AttributeDefinition((ushort)(index + 1), prefix + names[index]);
            foreach ((string name, AttributeTable within, AttributeFormat format) in nests)
            {
                if (name == names[index])
                {
                    definition = definition with { Nested = within, Format = format };
                }
            }

            definitions[index] = definition;
        }

        return new AttributeTable(prefix, definitions);
    }

    private static AttributeTable ObjectLevel()
    {
        AttributeTable?[] byType =
        [
            null,
            Level("NFTA_COUNTER_", ["BYTES", "PACKETS", "PAD"]),
            Level("NFTA_QUOTA_", ["BYTES", "FLAGS", "PAD", "CONSUMED"]),
            Level("NFTA_CT_HELPER_", ["NAME", "L3PROTO", "L4PROTO"]),
            Level("NFTA_LIMIT_", ["RATE", "UNIT", "BURST", "TYPE", "FLAGS", "PAD"]),
            Level("NFTA_CONNLIMIT_", ["COUNT", "FLAGS"]),
            Level("NFTA_TUNNEL_KEY_", ["ID", "IP", "IP6", "FLAGS", "TOS", "TTL", "SPORT", "DPORT", "OPTS"]),
            Level("NFTA_CT_TIMEOUT_", ["L3PROTO", "L4PROTO", "DATA"]),
            Level("NFTA_SECMARK_", ["CTX"]),
            Level("NFTA_CT_EXPECT_", ["L3PROTO", "L4PROTO", "DPORT", "TIMEOUT", "SIZE"]),
            Level("NFTA_SYNPROXY_", ["MSS", "WSCALE", "FLAGS"]),
        ];
        AttributeTable level = Level("NFTA_OBJ_", ["TABLE", "NAME", "TYPE", "DATA", "USE", "HANDLE", "PAD", "USERDATA"]);
        AttributeDefinition[] definitions = [.. Enumerable.Range(1, 8).Select(type => level.Find((ushort)type)!)];
        definitions[NfTables.NFTA_OBJ_DATA - 1] = new AttributeDefinition(NfTables.NFTA_OBJ_DATA, "NFTA_OBJ_DATA", Nested, Select: (_, siblings) =>
            new AttributeReader(siblings).TryFind(NfTables.NFTA_OBJ_TYPE, out NetlinkAttribute type) && type.UInt32BigEndian < byType.Length ? byType[type.UInt32BigEndian] : null);
        return new AttributeTable("NFTA_OBJ_", definitions);
    }

    private static Dictionary<string, AttributeTable> Expressions(AttributeTable data) => new(StringComparer.Ordinal)
    {
        ["immediate"] = Level("NFTA_IMMEDIATE_", ["DREG", "DATA"], ("DATA", data, Nested)),
        ["bitwise"] = Level("NFTA_BITWISE_", ["SREG", "DREG", "LEN", "MASK", "XOR", "OP", "DATA", "SREG2"], ("MASK", data, Nested), ("XOR", data, Nested), ("DATA", data, Nested)),
        ["byteorder"] = Level("NFTA_BYTEORDER_", ["SREG", "DREG", "OP", "LEN", "SIZE"]),
        ["cmp"] = Level("NFTA_CMP_", ["SREG", "OP", "DATA"], ("DATA", data, Nested)),
        ["range"] = Level("NFTA_RANGE_", ["SREG", "OP", "FROM_DATA", "TO_DATA"], ("FROM_DATA", data, Nested), ("TO_DATA", data, Nested)),
        ["lookup"] = Level("NFTA_LOOKUP_", ["SET", "SREG", "DREG", "SET_ID", "FLAGS"]),
        ["payload"] = Level("NFTA_PAYLOAD_", ["DREG", "BASE", "OFFSET", "LEN", "SREG", "CSUM_TYPE", "CSUM_OFFSET", "CSUM_FLAGS"]),
        ["exthdr"] = Level("NFTA_EXTHDR_", ["DREG", "TYPE", "OFFSET", "LEN", "FLAGS", "OP", "SREG"]),
        ["hash"] = Level("NFTA_HASH_", ["SREG", "DREG", "LEN", "MODULUS", "SEED", "OFFSET", "TYPE", "SET_NAME", "SET_ID"]),
        ["meta"] = Level("NFTA_META_", ["DREG", "KEY", "SREG"]),
        ["rt"] = Level("NFTA_RT_", ["DREG", "KEY"]),
        ["socket"] = Level("NFTA_SOCKET_", ["KEY", "DREG", "LEVEL"]),
        ["ct"] = Level("NFTA_CT_", ["DREG", "KEY", "DIRECTION", "SREG"]),
        ["flow_offload"] = Level("NFTA_FLOW_", ["TABLE_NAME"]),
        ["limit"] = Level("NFTA_LIMIT_", ["RATE", "UNIT", "BURST", "TYPE", "FLAGS", "PAD"]),
        ["connlimit"] = Level("NFTA_CONNLIMIT_", ["COUNT", "FLAGS"]),
        ["counter"] = Level("NFTA_COUNTER_", ["BYTES", "PACKETS", "PAD"]),
        ["last"] = Level("NFTA_LAST_", ["SET", "MSECS", "PAD"]),
        ["log"] = Level("NFTA_LOG_", ["GROUP", "PREFIX", "SNAPLEN", "QTHRESHOLD", "LEVEL", "FLAGS"]),
        ["queue"] = Level("NFTA_QUEUE_", ["NUM", "TOTAL", "FLAGS", "SREG_QNUM"]),
        ["quota"] = Level("NFTA_QUOTA_", ["BYTES", "FLAGS", "PAD", "CONSUMED"]),
        ["reject"] = Level("NFTA_REJECT_", ["TYPE", "ICMP_CODE"]),
        ["nat"] = Level("NFTA_NAT_", ["TYPE", "FAMILY", "REG_ADDR_MIN", "REG_ADDR_MAX", "REG_PROTO_MIN", "REG_PROTO_MAX", "FLAGS"]),
        ["tproxy"] = Level("NFTA_TPROXY_", ["FAMILY", "REG_ADDR", "REG_PORT"]),
        ["masq"] = Level("NFTA_MASQ_", ["FLAGS", "REG_PROTO_MIN", "REG_PROTO_MAX"]),
        ["redir"] = Level("NFTA_REDIR_", ["REG_PROTO_MIN", "REG_PROTO_MAX", "FLAGS"]),
        ["dup"] = Level("NFTA_DUP_", ["SREG_ADDR", "SREG_DEV"]),
        ["fwd"] = Level("NFTA_FWD_", ["SREG_DEV", "SREG_ADDR", "NFPROTO"]),
        ["objref"] = Level("NFTA_OBJREF_", ["IMM_TYPE", "IMM_NAME", "SET_SREG", "SET_NAME", "SET_ID"]),
        ["fib"] = Level("NFTA_FIB_", ["DREG", "RESULT", "FLAGS"]),
        ["osf"] = Level("NFTA_OSF_", ["DREG", "TTL", "FLAGS"]),
        ["synproxy"] = Level("NFTA_SYNPROXY_", ["MSS", "WSCALE", "FLAGS"]),
        ["xfrm"] = Level("NFTA_XFRM_", ["DREG", "KEY", "DIR", "SPNUM"]),
        ["numgen"] = Level("NFTA_NG_", ["DREG", "MODULUS", "TYPE", "OFFSET", "SET_NAME", "SET_ID"]),
        ["tunnel"] = Level("NFTA_TUNNEL_", ["KEY", "DREG", "MODE"]),
        ["match"] = Level("NFTA_MATCH_", ["NAME", "REV", "INFO"]),
        ["target"] = Level("NFTA_TARGET_", ["NAME", "REV", "INFO"]),
        ["secmark"] = Level("NFTA_SECMARK_", ["CTX"]),
    };
}
