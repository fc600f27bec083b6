namespace EucaNet.Netlink.Route;

/// <summary>What happened to an object that is watched.</summary>
public enum RouteChangeKind
{
    /// <summary>It is there: from the first list, or new.</summary>
    Added,

    /// <summary>It is another than before.</summary>
    Changed,

    /// <summary>It is gone.</summary>
    Removed,

    /// <summary>The first list is complete; what follows is news. Carries no object.</summary>
    SnapshotComplete,

    /// <summary>The kernel had more to tell than the receive buffer holds: everything is read again, and the differences follow. Carries no object.</summary>
    Resynchronised,
}

/// <summary>One change.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Value">The object as it is now; as it was last, where it is gone.</param>
/// <param name="Previous">The object as it was, where it changed.</param>
public readonly record struct RouteChange(RouteChangeKind Kind, RouteObject? Value = null, RouteObject? Previous = null);

/// <summary>The objects to watch.</summary>
[Flags]
public enum RouteObjects
{
    /// <summary>Links.</summary>
    Links = 1,

    /// <summary>Addresses, IPv4 and IPv6.</summary>
    Addresses = 2,

    /// <summary>Routes, IPv4 and IPv6.</summary>
    Routes = 4,

    /// <summary>Neighbours and forwarding entries.</summary>
    Neighbours = 8,

    /// <summary>Routing rules, IPv4 and IPv6.</summary>
    Rules = 16,

    /// <summary>All of them.</summary>
    All = Links | Addresses | Routes | Neighbours | Rules,
}
