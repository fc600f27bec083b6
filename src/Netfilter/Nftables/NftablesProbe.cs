using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>Something that a kernel may have or not.</summary>
/// <param name="Kind">"expression", "object", "verb" or "feature".</param>
/// <param name="Name">Its name.</param>
/// <param name="IsAvailable">The kernel has it.</param>
/// <param name="Reason">Why not; null where it has it.</param>
public sealed record NftablesCapability(string Kind, string Name, bool IsAvailable, string? Reason = null);

/// <summary>
/// Finds out what this kernel's nf_tables has by having it try (a batch without END changes nothing). An expression or object is offered without
/// any attribute: a kernel that does not know it, and finds no module for it, says ENOENT; one that does complains about the attributes.
/// </summary>
public static class NftablesProbe
{
    private const string Table = "eucanet-probe";
    private const NftablesFamily Family = NftablesFamily.Inet;

    /// <summary>Every expression of the kernel's nf_tables specification.</summary>
    public static IReadOnlyList<string> ExpressionNames { get; } =
    [
        "bitwise", "byteorder", "cmp", "connlimit", "counter", "ct", "dup", "dynset", "exthdr", "fib", "flow_offload", "fwd", "hash", "immediate", "inner", "last",
        "limit", "log", "lookup", "masq", "match", "meta", "nat", "notrack", "numgen", "objref", "osf", "payload", "queue", "quota", "range", "redir",
        "reject", "rt", "socket", "synproxy", "target", "tproxy", "tunnel", "xfrm",
    ];

    /// <summary>Everything.</summary>
    /// <exception cref="KernelException">EPERM: it needs CAP_NET_ADMIN, as any batch does.</exception>
    public static IReadOnlyList<NftablesCapability> Run(NftablesConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return
        [
            .. ExpressionNames.Select(name => Expression(connection, name)),
            .. Enumerable.Range((int)NFT_OBJECT_COUNTER, (int)NFT_OBJECT_SYNPROXY).Select(type => Object(connection, (uint)type)),
            Verb(connection, "destroy", batch => batch.Destroy(new Table { Family = Family, Name = Table + "-none" })),
            Reset(connection, "reset objects", () => connection.ResetObjects(Family, Table)),
            Reset(connection, "reset rules", () => connection.ResetRules(Family, Table)),
            Reset(connection, "reset elements", () => connection.ResetElements(Family, Table, "none")),
            Feature(connection, "table owner", batch => batch.Add(new Table { Family = Family, Name = Table + "-owned", Flags = TableFlags.Owner })),
            Feature(connection, "table persist", batch => batch.Add(new Table { Family = Family, Name = Table + "-owned", Flags = TableFlags.Owner | TableFlags.Persist })),
            Feature(connection, "concatenated ranges", batch => batch.Add(Set(SetFlags.Interval | SetFlags.Concatenation) with { KeyLength = 8, FieldLengths = [4, 4] })),
            Feature(connection, "several expressions in a set", batch => batch.Add(Set(SetFlags.Expressions) with { Expressions = [new CounterExpression(), new LastExpression()] })),
            Feature(connection, "catch-all element", batch =>
            {
                batch.Add(Set(SetFlags.None));
                batch.Add(new SetElementList { Family = Family, Table = Table, Set = "s", Elements = [new SetElement { Flags = SetElementFlags.CatchAll }] });
            }),
            Feature(connection, "chain binding", batch => batch.Add(new Chain { Family = Family, Table = Table, Flags = ChainFlags.Binding, Id = 1 })),
            Feature(connection, "egress hook", batch =>
            {
                batch.Add(new Table { Family = NftablesFamily.Netdev, Name = Table });
                batch.Add(Chain.Base(NftablesFamily.Netdev, Table, "egress", "filter", new ChainHook(Nfnetlink.NF_NETDEV_EGRESS, 0) { Device = "lo" }));
            }),
        ];
    }

    /// <summary>Whether the kernel knows an expression.</summary>
    public static NftablesCapability Expression(NftablesConnection connection, string name)
    {
        ArgumentNullException.ThrowIfNull(connection);
        NftablesBatch batch = Base();
        batch.Add(Chain.Regular(Family, Table, "c"));
        batch.Add(Rule.Of(Family, Table, "c", [new RawExpression(name, default)]));
        return OfMissing("expression", name, connection.DryRun(batch), "the kernel has no such expression and no module for it (CONFIG_NFT_*)");
    }

    /// <summary>Whether the kernel knows a kind of named object (NFT_OBJECT_*).</summary>
    public static NftablesCapability Object(NftablesConnection connection, uint type)
    {
        ArgumentNullException.ThrowIfNull(connection);
        NftablesBatch batch = Base();
        batch.Add(new NftablesObject { Family = Family, Table = Table, Name = "o", Type = type, Data = new EmptyData(type) });
        return OfMissing("object", NftablesObject.KindName(type), connection.DryRun(batch), "the kernel has no such object and no module for it (CONFIG_NFT_*)");
    }

    private static NftablesCapability OfMissing(string kind, string name, IReadOnlyList<NftablesError> errors, string reason)
    {
        NftablesError? last = errors.Count > 0 ? errors[^1] : null;
        return last?.Error switch
        {
            LinuxError.ENOENT => new NftablesCapability(kind, name, false, reason),
            LinuxError.EPERM => throw new KernelException("probe nf_tables", LinuxError.EPERM, "It needs CAP_NET_ADMIN in the network namespace."),
            _ => new NftablesCapability(kind, name, true),
        };
    }

    private static NftablesCapability Verb(NftablesConnection connection, string name, Action<NftablesBatch> write)
    {
        var batch = new NftablesBatch();
        write(batch);
        IReadOnlyList<NftablesError> errors = connection.DryRun(batch);
        return errors.Count == 0 ? new NftablesCapability("verb", name, true) : new NftablesCapability("verb", name, false, errors[0].ToString());
    }

    // The table is not there: a kernel that knows the verb finds nothing, one that does not calls the message invalid.
    private static NftablesCapability Reset(NftablesConnection connection, string name, Func<object> reset)
    {
        _ = connection;
        try
        {
            reset();
        }
        catch (KernelException exception) when (exception.Error == LinuxError.ENOENT)
        {
            return new NftablesCapability("verb", name, true);
        }
        catch (KernelException exception) when (exception.Error is LinuxError.EINVAL or LinuxError.EOPNOTSUPP)
        {
            return new NftablesCapability("verb", name, false, exception.Message);
        }

        return new NftablesCapability("verb", name, true);
    }

    private static NftablesCapability Feature(NftablesConnection connection, string name, Action<NftablesBatch> write)
    {
        NftablesBatch batch = Base();
        write(batch);
        IReadOnlyList<NftablesError> errors = connection.DryRun(batch);
        return errors.Count == 0 ? new NftablesCapability("feature", name, true) : new NftablesCapability("feature", name, false, errors[0].ToString());
    }

    private static NftablesBatch Base()
    {
        var batch = new NftablesBatch();
        batch.Add(new Table { Family = Family, Name = Table });
        return batch;
    }

    private static NftablesSet Set(SetFlags flags) => new() { Family = Family, Table = Table, Name = "s", Id = 1, KeyLength = 4, Flags = flags };

    private sealed record EmptyData(uint Kind) : ObjectData
    {
        public override uint Type => Kind;

        private protected override ReadOnlySpan<byte> Order => [];

        private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, bool asRead, bool nested)
        {
        }
    }
}
