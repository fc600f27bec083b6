using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;

namespace EucaNet.Engine.Firewall;

/// <summary>Writes what <see cref="ManagedFirewall"/> says to one of the kernel's packet filters.</summary>
internal interface IFirewallBackend : IAsyncDisposable
{
    /// <summary>Which one, and why.</summary>
    string Description { get; }

    /// <summary>True when the last <see cref="CommitAsync"/> was carried out, or may have been: the kernel's answer was lost.</summary>
    bool IsCommitted { get; }

    /// <summary>Compares all with what the kernel has and writes the differences as one atomic change; writes nothing where nothing differs.</summary>
    ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken);

    /// <summary>What the kernel lacks of what should be: the set or chain, and what is missing in words. Reads only.</summary>
    IReadOnlyList<(string Set, string Missing)> FindMissing();

    /// <summary>What the kernel counts: dropped packets, and on iptables a group's rules. Reads only.</summary>
    IReadOnlyList<string> Counters(GroupName? group);

    /// <summary>Writes what changed since the content was accepted last, as one atomic change.</summary>
    /// <param name="subject">The object the change is about, for errors.</param>
    /// <param name="changes">What was done.</param>
    /// <param name="cancellationToken">Gives up before the change is sent.</param>
    ValueTask CommitAsync(string subject, ChangeLog changes, CancellationToken cancellationToken);
}
