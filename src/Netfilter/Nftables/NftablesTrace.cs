using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// A step of a packet on which <c>meta nftrace set 1</c> was done: a rule that matched, the end of a chain, or a base chain's policy. All steps of a packet have the
/// same <see cref="Id"/>; the packet itself comes with its first step in each base chain only.
/// </summary>
public sealed record NftablesTrace : NftablesEntity
{
    /// <summary>The table of the chain.</summary>
    public string Table { get; init; } = "";

    /// <summary>The chain the packet is in.</summary>
    public string Chain { get; init; } = "";

    /// <summary>What kind of step this is.</summary>
    public NftablesTraceKind Kind { get; init; }

    /// <summary>The rule that matched; null at the end of a chain and for a policy.</summary>
    public ulong? RuleHandle { get; init; }

    /// <summary>What the rule decided; null for a policy.</summary>
    public Verdict? Verdict { get; init; }

    /// <summary>What the base chain's policy decided: NF_ACCEPT or NF_DROP; else null.</summary>
    public uint? Policy { get; init; }

    /// <summary>Tells packets apart. Meaningless otherwise.</summary>
    public uint Id { get; init; }

    /// <summary>The packet's own protocol family (NFPROTO_IPV4 in an inet table).</summary>
    public uint? Protocol { get; init; }

    /// <summary>The packet's mark, where it has one.</summary>
    public uint? Mark { get; init; }

    /// <summary>Index of the interface it came in by.</summary>
    public uint? InputInterface { get; init; }

    /// <summary>That interface's type (ARPHRD_*).</summary>
    public ushort? InputInterfaceType { get; init; }

    /// <summary>Index of the interface it will leave by.</summary>
    public uint? OutputInterface { get; init; }

    /// <summary>That interface's type (ARPHRD_*).</summary>
    public ushort? OutputInterfaceType { get; init; }

    /// <summary>The frame's header.</summary>
    public OctetString? LinkHeader { get; init; }

    /// <summary>The header of IPv4, IPv6 or ARP.</summary>
    public OctetString? NetworkHeader { get; init; }

    /// <summary>What is behind it, at most 20 bytes.</summary>
    public OctetString? TransportHeader { get; init; }

    /// <summary>The connection's number. Linux 6.16.</summary>
    public uint? ConnectionId { get; init; }

    /// <summary>0 in the direction of the first packet, 1 for answers. Linux 6.16.</summary>
    public byte? ConnectionDirection { get; init; }

    /// <summary>The connection's status (IPS_*). Linux 6.16.</summary>
    public uint? ConnectionStatus { get; init; }

    /// <summary>The connection's state as a bit of <c>ct state</c>. Linux 6.16.</summary>
    public uint? ConnectionState { get; init; }

    /// <inheritdoc />
    public override string Describe() => $"trace {Id:x8} in chain {Family.ToText()} {Table} {Chain}";

    internal override ushort NewType => NFT_MSG_TRACE;

    internal override ushort DestroyType => throw new NotSupportedException("A trace is only told.");

    internal override void WriteIdentity(ref NetlinkWriter writer)
    {
    }

    private protected override ReadOnlySpan<byte> Order(WireOrder order) =>
    [
        (byte)NFTA_TRACE_NFPROTO, (byte)NFTA_TRACE_TYPE, (byte)NFTA_TRACE_ID, (byte)NFTA_TRACE_CHAIN, (byte)NFTA_TRACE_TABLE, (byte)NFTA_TRACE_RULE_HANDLE,
        (byte)NFTA_TRACE_VERDICT, (byte)NFTA_TRACE_POLICY, (byte)NFTA_TRACE_MARK, (byte)NFTA_TRACE_IIF, (byte)NFTA_TRACE_IIFTYPE, (byte)NFTA_TRACE_OIF,
        (byte)NFTA_TRACE_OIFTYPE, (byte)NFTA_TRACE_NETWORK_HEADER, (byte)NFTA_TRACE_TRANSPORT_HEADER, (byte)NFTA_TRACE_LL_HEADER, (byte)NFTA_TRACE_CT_STATE,
        (byte)NFTA_TRACE_CT_DIRECTION, (byte)NFTA_TRACE_CT_ID, (byte)NFTA_TRACE_CT_STATUS,
    ];

    private protected override uint AssignedByKernel => 0;

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_TRACE_TABLE:
                writer.PutName(type, Table, form);
                break;
            case NFTA_TRACE_CHAIN:
                writer.PutName(type, Chain, form);
                break;
            case NFTA_TRACE_RULE_HANDLE:
                writer.Put(type, RuleHandle);
                break;
            case NFTA_TRACE_TYPE:
                writer.Put(type, (uint?)Kind);
                break;
            case NFTA_TRACE_VERDICT when Verdict is { } verdict:
                WireMark mark = writer.BeginNested(type, (form & AttributeForm.Nested) != 0 && (form & AttributeForm.Canonical) == 0);
                writer.WriteUInt32BigEndian(NFTA_VERDICT_CODE, (uint)verdict.Code);
                writer.Put(NFTA_VERDICT_CHAIN, verdict.Chain);
                writer.EndAttribute(mark);
                break;
            case NFTA_TRACE_ID:
                writer.Put(type, (uint?)Id);
                break;
            case NFTA_TRACE_LL_HEADER:
                writer.PutBytes(type, LinkHeader);
                break;
            case NFTA_TRACE_NETWORK_HEADER:
                writer.PutBytes(type, NetworkHeader);
                break;
            case NFTA_TRACE_TRANSPORT_HEADER:
                writer.PutBytes(type, TransportHeader);
                break;
            case NFTA_TRACE_IIF:
                writer.Put(type, InputInterface);
                break;
            case NFTA_TRACE_IIFTYPE:
                writer.Put(type, InputInterfaceType);
                break;
            case NFTA_TRACE_OIF:
                writer.Put(type, OutputInterface);
                break;
            case NFTA_TRACE_OIFTYPE:
                writer.Put(type, OutputInterfaceType);
                break;
            case NFTA_TRACE_MARK:
                writer.Put(type, Mark);
                break;
            case NFTA_TRACE_NFPROTO:
                writer.Put(type, Protocol);
                break;
            case NFTA_TRACE_POLICY:
                writer.Put(type, Policy);
                break;
            case NFTA_TRACE_CT_ID:
                writer.Put(type, ConnectionId);
                break;
            case NFTA_TRACE_CT_DIRECTION:
                writer.Put(type, ConnectionDirection);
                break;
            case NFTA_TRACE_CT_STATUS:
                writer.Put(type, ConnectionStatus);
                break;
            case NFTA_TRACE_CT_STATE:
                writer.Put(type, ConnectionState);
                break;
        }
    }

    /// <summary>Reads the attributes of a trace message.</summary>
    internal static NftablesTrace Read(NftablesFamily family, AttributeReader attributes, DecodeCache names)
    {
        string? table = null, chain = null;
        uint? kind = null, id = null, protocol = null, policy = null, mark = null, input = null, output = null, connection = null, status = null, state = null;
        ushort? inputType = null, outputType = null;
        byte? direction = null;
        ulong? handle = null;
        Verdict? verdict = null;
        OctetString? link = null, network = null, transport = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_TRACE_TABLE => names.Read(attribute, ref table),
                NFTA_TRACE_CHAIN => names.Read(attribute, ref chain),
                NFTA_TRACE_RULE_HANDLE => attribute.Read(ref handle),
                NFTA_TRACE_TYPE => attribute.Read(ref kind),
                NFTA_TRACE_VERDICT => ReadVerdict(attribute, ref verdict),
                NFTA_TRACE_ID => attribute.Read(ref id),
                NFTA_TRACE_LL_HEADER => attribute.ReadBytes(ref link),
                NFTA_TRACE_NETWORK_HEADER => attribute.ReadBytes(ref network),
                NFTA_TRACE_TRANSPORT_HEADER => attribute.ReadBytes(ref transport),
                NFTA_TRACE_IIF => attribute.Read(ref input),
                NFTA_TRACE_IIFTYPE => attribute.Read(ref inputType),
                NFTA_TRACE_OIF => attribute.Read(ref output),
                NFTA_TRACE_OIFTYPE => attribute.Read(ref outputType),
                NFTA_TRACE_MARK => attribute.Read(ref mark),
                NFTA_TRACE_NFPROTO => attribute.Read(ref protocol),
                NFTA_TRACE_POLICY => attribute.Read(ref policy),
                NFTA_TRACE_CT_ID => attribute.Read(ref connection),
                NFTA_TRACE_CT_DIRECTION => attribute.Read(ref direction),
                NFTA_TRACE_CT_STATUS => attribute.Read(ref status),
                NFTA_TRACE_CT_STATE => attribute.Read(ref state),
                _ => false,
            });
        }

        return new NftablesTrace
        {
            Family = family,
            Table = table ?? "",
            Chain = chain ?? "",
            Kind = (NftablesTraceKind)(kind ?? 0),
            RuleHandle = handle,
            Verdict = verdict,
            Policy = policy,
            Id = id ?? 0,
            Protocol = protocol,
            Mark = mark,
            InputInterface = input,
            InputInterfaceType = inputType,
            OutputInterface = output,
            OutputInterfaceType = outputType,
            LinkHeader = link,
            NetworkHeader = network,
            TransportHeader = transport,
            ConnectionId = connection,
            ConnectionDirection = direction,
            ConnectionStatus = status,
            ConnectionState = state,
            Layout = layout.Build(),
        };
    }

    // Code and chain lie in the attribute itself, not in NFTA_DATA_VERDICT as elsewhere.
    private static bool ReadVerdict(in NetlinkAttribute attribute, ref Verdict? field)
    {
        AttributeReader inside = attribute.Nested();
        int? code = null;
        string? chain = null;
        if (field is not null || !AttributeFields.IsPlainNest(attribute)
            || !inside.TryRead(out NetlinkAttribute first) || first.Type != NFTA_VERDICT_CODE || !first.Read(ref code)
            || (inside.TryRead(out NetlinkAttribute second) && (second.Type != NFTA_VERDICT_CHAIN || !second.Read(ref chain)))
            || !inside.Rest.IsEmpty)
        {
            return false;
        }

        field = new Verdict(code!.Value, chain);
        return true;
    }
}

/// <summary>What a step of a traced packet is (NFT_TRACETYPE_*).</summary>
public enum NftablesTraceKind : uint
{
    /// <summary>Nothing is said of it.</summary>
    Unspecified,

    /// <summary>The policy of a base chain.</summary>
    Policy,

    /// <summary>The end of a chain. Newer kernels tell it as <see cref="Rule"/> without a handle.</summary>
    Return,

    /// <summary>A rule matched; without a handle, the end of a chain.</summary>
    Rule,
}
