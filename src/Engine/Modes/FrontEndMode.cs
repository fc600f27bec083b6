using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Engine.Reconciliation;

namespace EucaNet.Engine.Modes;

/// <summary>What a front-end does in one mode. Calls come one after the other.</summary>
internal abstract class FrontEndMode(EngineContext context) : IAsyncDisposable
{
    protected EngineContext Context { get; } = context;

    protected NetworkConfiguration Configuration => Context.Configuration;

    /// <summary>A change or its taking back went wrong half-way, or it is not known how it ended: kernel and state may differ until the next reconciliation.</summary>
    public bool NeedsRepair { get; protected set; }

    public static FrontEndMode Create(EngineContext context) => context.Configuration.Mode switch
    {
        NetworkMode.System => new SystemFrontEnd(context),
        NetworkMode.Static => new StaticFrontEnd(context),
        _ => new ManagedFrontEnd(context),
    };

    public abstract ValueTask StartAsync(ChangeLog changes, CancellationToken cancellationToken);

    public abstract ValueTask StopAsync(ChangeLog changes, CancellationToken cancellationToken);

    public abstract ValueTask<InstanceAssignment> RunInstanceAsync(InstanceRequest request, ChangeLog changes, CancellationToken cancellationToken);

    public abstract ValueTask TerminateInstanceAsync(string instanceId, ChangeLog changes, CancellationToken cancellationToken);

    public abstract ValueTask<IReadOnlyList<InstanceListing>> ListInstancesAsync(CancellationToken cancellationToken);

    /// <summary>How many of each thing there are; may be asked at any time.</summary>
    public abstract EngineCounts Counts { get; }

    public abstract EngineStatus GetStatus();

    public abstract ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken);

    public virtual async ValueTask ExamineAsync(FindingList findings, CancellationToken cancellationToken)
    {
        await using var links = new Links(Context);
        await new HostChecks(Context, links, findings).RunAsync(cancellationToken).ConfigureAwait(false);
        foreach (string problem in GetStatus().Problems)
        {
            findings.Warning("engine", Configuration.Mode.ToString().ToUpperInvariant(), problem, "inspect the log files");
        }
    }

    /// <summary>Rules that wait for their turn.</summary>
    public RuleBurst Burst { get; } = new();

    public virtual ValueTask AuthorizeAsync(WaitingRule rule, ChangeLog changes, CancellationToken cancellationToken) => throw NotHere("security groups");

    public virtual ValueTask RevokeAsync(GroupName group, IngressRule rule, ChangeLog changes, CancellationToken cancellationToken) => throw NotHere("security groups");

    public virtual async ValueTask<Explanation> ExplainAsync(string subject, CancellationToken cancellationToken)
    {
        InstanceListing instance = (await ListInstancesAsync(cancellationToken).ConfigureAwait(false))
            .FirstOrDefault(i => string.Equals(i.Assignment.InstanceId, subject, StringComparison.OrdinalIgnoreCase) || i.PrivateAddress.ToString() == subject) ?? throw NoInstance(subject);
        return new Explanation($"instance {instance.Assignment.InstanceId}",
            [$"mode {Configuration.Mode.ToString().ToUpperInvariant()}, user {instance.Assignment.Group.User}", $"MAC {instance.Assignment.Mac}", $"address {instance.PrivateAddress}{(instance.Discovery is null ? "" : $" ({instance.Discovery})")}"],
            []);
    }

    public virtual IReadOnlyList<RuleListing> ListRules() => throw NotHere("security groups");

    public virtual ValueTask AssociateAddressAsync(Ipv4Address address, string instanceId, ChangeLog changes, CancellationToken cancellationToken) => throw NotHere("elastic addresses");

    public virtual ValueTask DisassociateAddressAsync(Ipv4Address address, ChangeLog changes, CancellationToken cancellationToken) => throw NotHere("elastic addresses");

    public virtual IReadOnlyList<PublicAddressListing> ListAddresses() => throw NotHere("elastic addresses");

    public virtual IReadOnlyList<NetworkListing> ListNetworks() => [];

    public virtual PacketIntent ExplainPacket(PacketDescription packet) => throw NotHere("security groups");

    /// <summary>A node saw what address an instance was given.</summary>
    public virtual void NoteAddress(AddressReport report) =>
        throw new EngineException($"address of instance {report.InstanceId}", $"in {Configuration.Mode.ToString().ToUpperInvariant()} mode the front-end gives the addresses itself", "report addresses in SYSTEM mode only");

    public abstract ValueTask DisposeAsync();

    protected NotInThisModeException NotHere(string what) => new(what, Configuration.Mode);

    protected static NotKnownException NoInstance(string id) => new($"instance {id}", "'instance list' shows the instances there are");
}
