using System.Diagnostics.CodeAnalysis;

namespace EucaNet.Simulator.Kernel;

/// <summary>
/// The routes of one table and family, in the order the kernel dumps them and findable by longest prefix.
/// </summary>
internal sealed class ForwardingTable(uint id, byte family)
{
    private readonly SortedSet<Entry> _entries = new(family == InternetAddress.V4 ? Entry.V4Order : Entry.V6Order);
    private readonly Dictionary<InternetAddress, SortedSet<Entry>>?[] _byLength = new Dictionary<InternetAddress, SortedSet<Entry>>?[129];
    private long _order;

    public uint Id { get; } = id;

    public byte Family { get; } = family;

    public int Count => _entries.Count;

    /// <summary>All routes in dump order.</summary>
    public IEnumerable<Route> Routes => _entries.Select(entry => entry.Route);

    /// <summary>Routes to exactly this network, best first.</summary>
    public IEnumerable<Route> To(InternetAddress destination, byte prefixLength) =>
        _byLength[prefixLength] is { } map && map.TryGetValue(destination, out SortedSet<Entry>? entries) ? entries.Select(entry => entry.Route) : [];

    /// <summary>Routes that hold this address, the longest prefix first, in each the best first.</summary>
    public IEnumerable<Route> Matching(InternetAddress address)
    {
        for (int length = address.Bits; length >= 0; length--)
        {
            if (_byLength[length] is not { } map || !map.TryGetValue(address.Masked(length), out SortedSet<Entry>? entries))
            {
                continue;
            }

            foreach (Entry entry in entries)
            {
                yield return entry.Route;
            }
        }
    }

    /// <summary>Adds a route behind those with the same network, type of service and priority, or before them.</summary>
    public void Add(Route route, bool first = false)
    {
        _order++;
        var entry = new Entry(route, first ? -_order : _order);
        _entries.Add(entry);
        Dictionary<InternetAddress, SortedSet<Entry>> map = _byLength[route.PrefixLength] ??= [];
        if (!map.TryGetValue(route.Destination, out SortedSet<Entry>? entries))
        {
            map.Add(route.Destination, entries = new SortedSet<Entry>(_entries.Comparer));
        }

        entries.Add(entry);
    }

    public bool Remove(Route route) => TryFind(route, out Entry? entry) && Remove(entry);

    /// <summary>Puts a route in the place of another with the same network, type of service and priority.</summary>
    public void Replace(Route old, Route route)
    {
        if (TryFind(old, out Entry? entry))
        {
            Remove(entry);
            var replacement = new Entry(route, entry.Order);
            _entries.Add(replacement);
            Dictionary<InternetAddress, SortedSet<Entry>> map = _byLength[route.PrefixLength] ??= [];
            if (!map.TryGetValue(route.Destination, out SortedSet<Entry>? entries))
            {
                map.Add(route.Destination, entries = new SortedSet<Entry>(_entries.Comparer));
            }

            entries.Add(replacement);
        }
    }

    private bool TryFind(Route route, [NotNullWhen(true)] out Entry? found)
    {
        found = _byLength[route.PrefixLength] is { } map && map.TryGetValue(route.Destination, out SortedSet<Entry>? entries)
            ? entries.FirstOrDefault(entry => entry.Route == route)
            : null;
        return found is not null;
    }

    private bool Remove(Entry entry)
    {
        Dictionary<InternetAddress, SortedSet<Entry>> map = _byLength[entry.Route.PrefixLength]!;
        SortedSet<Entry> entries = map[entry.Route.Destination];
        entries.Remove(entry);
        if (entries.Count == 0)
        {
            map.Remove(entry.Route.Destination);
        }

        return _entries.Remove(entry);
    }

    private sealed class Entry(Route route, long order)
    {
        public Route Route { get; } = route;

        public long Order { get; } = order;

        /// <summary>The trie's order: by address, longer prefixes first, then type of service from the highest, then priority.</summary>
        public static IComparer<Entry> V4Order { get; } = Comparer<Entry>.Create(static (a, b) =>
        {
            int order = a.Route.Destination.Value.CompareTo(b.Route.Destination.Value);
            order = order != 0 ? order : b.Route.PrefixLength.CompareTo(a.Route.PrefixLength);
            order = order != 0 ? order : b.Route.TypeOfService.CompareTo(a.Route.TypeOfService);
            order = order != 0 ? order : a.Route.Priority.CompareTo(b.Route.Priority);
            return order != 0 ? order : a.Order.CompareTo(b.Order);
        });

        /// <summary>The tree's order: what is within a network before the network itself, else by address; then priority.</summary>
        public static IComparer<Entry> V6Order { get; } = Comparer<Entry>.Create(static (a, b) =>
        {
            int common = Math.Min(a.Route.PrefixLength, b.Route.PrefixLength);
            int order = a.Route.Destination.Masked(common).Value.CompareTo(b.Route.Destination.Masked(common).Value);
            order = order != 0 ? order : b.Route.PrefixLength.CompareTo(a.Route.PrefixLength);
            order = order != 0 ? order : a.Route.Priority.CompareTo(b.Route.Priority);
            return order != 0 ? order : a.Order.CompareTo(b.Order);
        });
    }
}

/// <summary>All forwarding tables of a namespace.</summary>
internal sealed class ForwardingTables
{
    public const uint Default = 253;
    public const uint Main = 254;
    public const uint Local = 255;

    private readonly SortedDictionary<(byte Family, uint Id), ForwardingTable> _tables = [];

    /// <summary>A rule was added once: from then on the local and the main table are apart.</summary>
    public bool HasCustomRules { get; set; }

    /// <summary>Tables that exist, by family and number.</summary>
    public IReadOnlyCollection<ForwardingTable> All => _tables.Values;

    public ForwardingTable? Find(byte family, uint id) => _tables.GetValueOrDefault((family, id));

    public ForwardingTable GetOrAdd(byte family, uint id)
    {
        if (!_tables.TryGetValue((family, id), out ForwardingTable? table))
        {
            _tables.Add((family, id), table = new ForwardingTable(id, family));
            if (id == Local && family == InternetAddress.V4 && !HasCustomRules)
            {
                // Without rules of one's own the two are one tree, so making one makes both.
                GetOrAdd(family, Main);
            }
        }

        return table;
    }
}
