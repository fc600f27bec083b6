using System.Globalization;

namespace EucaNet.Engine;

/// <summary>What kind of thing was changed.</summary>
public enum ChangeKind
{
    /// <summary>A link was made.</summary>
    LinkAdded,

    /// <summary>A link was changed: enslaved, set up, renamed.</summary>
    LinkChanged,

    /// <summary>A link was removed.</summary>
    LinkRemoved,

    /// <summary>An address was put on a link.</summary>
    AddressAdded,

    /// <summary>An address was taken off a link.</summary>
    AddressRemoved,

    /// <summary>One netfilter transaction was committed.</summary>
    Netfilter,

    /// <summary>Connection tracking entries were cut.</summary>
    ConnectionsCut,

    /// <summary>A DHCP mapping is live.</summary>
    LeaseAdded,

    /// <summary>A DHCP mapping is gone.</summary>
    LeaseRemoved,

    /// <summary>A kernel parameter was set.</summary>
    Parameter,

    /// <summary>Neighbours were told of an address (gratuitous ARP).</summary>
    Announced,

    /// <summary>The DHCP daemon was started, restarted or stopped.</summary>
    Daemon,

    /// <summary>Something worth saying that changed nothing.</summary>
    Note,
}

/// <summary>One thing an operation did.</summary>
/// <param name="Kind">What kind of thing.</param>
/// <param name="Object">The object's name: an interface, an address, a table.</param>
/// <param name="Detail">The rest, in words.</param>
public sealed record Change(ChangeKind Kind, string Object, string Detail)
{
    /// <summary>Object and detail.</summary>
    public override string ToString() => Detail.Length == 0 ? Object : $"{Object}: {Detail}";
}

/// <summary>Everything an operation did to the kernel, in its order.</summary>
public sealed record ChangeSummary
{
    /// <summary>Nothing was changed.</summary>
    public static ChangeSummary Nothing { get; } = new();

    /// <summary>The changes in order.</summary>
    public IReadOnlyList<Change> Changes { get; init; } = [];

    /// <summary>True when nothing was written.</summary>
    public bool IsEmpty => Changes.All(c => c.Kind == ChangeKind.Note);

    /// <summary>How many changes of a kind there are.</summary>
    public int Count(ChangeKind kind) => Changes.Count(c => c.Kind == kind);

    /// <summary>Number of netfilter transactions: at most one for each operation.</summary>
    public int NetfilterTransactions => Count(ChangeKind.Netfilter);

    /// <summary>One line: what was done, with counts.</summary>
    public override string ToString()
    {
        if (Changes.Count == 0)
        {
            return "nothing to do";
        }

        return string.Join(", ", Changes.GroupBy(c => c.Kind).Select(g => g.Key switch
        {
            ChangeKind.LinkAdded => Names("link", "added", g),
            ChangeKind.LinkChanged => Names("link", "changed", g),
            ChangeKind.LinkRemoved => Names("link", "removed", g),
            ChangeKind.AddressAdded => Names("address", "added", g),
            ChangeKind.AddressRemoved => Names("address", "removed", g),
            ChangeKind.Netfilter => "1 netfilter transaction (" + string.Join("; ", g.Select(c => c.Detail)) + ")",
            _ => string.Join("; ", g.Select(c => c.ToString())),
        }));
    }

    private static string Names(string noun, string verb, IEnumerable<Change> changes)
    {
        Change[] all = [.. changes];
        string plural = noun == "address" ? "addresses" : noun + "s";
        return string.Create(CultureInfo.InvariantCulture, $"{all.Length} {(all.Length == 1 ? noun : plural)} {verb} ({string.Join(", ", all.Select(c => c.Object))})");
    }
}

/// <summary>What an operation gave back, and what it did.</summary>
/// <typeparam name="T">The value's type.</typeparam>
/// <param name="Value">The value.</param>
/// <param name="Changes">What was done to the kernel.</param>
public sealed record Outcome<T>(T Value, ChangeSummary Changes);
