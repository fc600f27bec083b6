using EucaNet.Netfilter.Nftables;

namespace EucaNet.Engine.Firewall;

/// <summary>An element that comes or goes.</summary>
internal readonly record struct ElementChange(string Set, OctetString Key, OctetString? Data);

/// <summary>What one operation changes in the firewall: elements of sets, and traffic shapes that came into use or fell out of it.</summary>
internal sealed record FirewallDelta(
    IReadOnlyList<ElementChange> Removed,
    IReadOnlyList<ElementChange> Added,
    IReadOnlyList<TrafficShape> NewShapes,
    IReadOnlyList<TrafficShape> GoneShapes)
{
    public bool IsEmpty => Removed.Count == 0 && Added.Count == 0 && NewShapes.Count == 0 && GoneShapes.Count == 0;
}

/// <summary>
/// All that grows in the firewall: the elements of its sets and maps. Rules that overlap may come to the same element, so elements are
/// counted. Between <see cref="Accept"/> calls it remembers what changed, so that a change can be written alone.
/// </summary>
internal sealed class FirewallContent
{
    private sealed class Entry(OctetString? data)
    {
        public OctetString? Data { get; set; } = data;

        public int Uses { get; set; }
    }

    private readonly Dictionary<string, Dictionary<OctetString, Entry>> _sets = new(StringComparer.Ordinal);
    private readonly SortedDictionary<TrafficShape, int> _shapes = [];
    private readonly Dictionary<(string Set, OctetString Key), (int Uses, OctetString? Data)> _before = [];
    private readonly Dictionary<TrafficShape, int> _shapeBefore = [];

    /// <summary>The traffic shapes in use, the most specific sources first.</summary>
    public IEnumerable<TrafficShape> Shapes => _shapes.Keys;

    /// <summary>The elements of a set.</summary>
    public IEnumerable<KeyValuePair<OctetString, OctetString?>> Elements(string set) =>
        _sets.TryGetValue(set, out Dictionary<OctetString, Entry>? elements) ? elements.Select(e => KeyValuePair.Create(e.Key, e.Value.Data)) : [];

    /// <summary>True when a set has an element.</summary>
    public bool Contains(string set, OctetString key) => _sets.TryGetValue(set, out Dictionary<OctetString, Entry>? elements) && elements.ContainsKey(key);

    /// <summary>How many elements a set has.</summary>
    public int Count(string set) => _sets.TryGetValue(set, out Dictionary<OctetString, Entry>? elements) ? elements.Count : 0;

    /// <summary>Elements in all sets.</summary>
    public int TotalCount => _sets.Values.Sum(s => s.Count);

    /// <summary>Adds an element, or one more reason for it.</summary>
    public void Add(string set, OctetString key, OctetString? data = null)
    {
        if (!_sets.TryGetValue(set, out Dictionary<OctetString, Entry>? elements))
        {
            _sets[set] = elements = [];
        }

        if (!elements.TryGetValue(key, out Entry? entry))
        {
            elements[key] = entry = new Entry(data);
            Remember(set, key, 0, null);
        }
        else
        {
            Remember(set, key, entry.Uses, entry.Data);
            entry.Data = data;
        }

        entry.Uses++;
    }

    /// <summary>Takes one reason for an element away, and the element with the last.</summary>
    public void Remove(string set, OctetString key)
    {
        Dictionary<OctetString, Entry> elements = _sets[set];
        Entry entry = elements[key];
        Remember(set, key, entry.Uses, entry.Data);
        if (--entry.Uses == 0)
        {
            elements.Remove(key);
        }
    }

    /// <summary>Adds an element of a rule.</summary>
    public void Add(TrafficShape shape, OctetString key)
    {
        Add(shape.SetName, key);
        int uses = _shapes.GetValueOrDefault(shape);
        _shapeBefore.TryAdd(shape, uses);
        _shapes[shape] = uses + 1;
    }

    /// <summary>Takes an element of a rule away.</summary>
    public void Remove(TrafficShape shape, OctetString key)
    {
        Remove(shape.SetName, key);
        int uses = _shapes[shape];
        _shapeBefore.TryAdd(shape, uses);
        if (uses == 1)
        {
            _shapes.Remove(shape);
        }
        else
        {
            _shapes[shape] = uses - 1;
        }
    }

    /// <summary>What changed since the last <see cref="Accept"/>.</summary>
    public FirewallDelta PeekDelta()
    {
        var removed = new List<ElementChange>();
        var added = new List<ElementChange>();
        foreach (((string set, OctetString key), (int usesBefore, OctetString? dataBefore)) in _before)
        {
            Entry? now = _sets.GetValueOrDefault(set)?.GetValueOrDefault(key);
            bool was = usesBefore > 0;
            if (was && now is not null && now.Data == dataBefore)
            {
                continue;
            }

            if (was)
            {
                removed.Add(new ElementChange(set, key, dataBefore));
            }

            if (now is not null)
            {
                added.Add(new ElementChange(set, key, now.Data));
            }
        }

        var newShapes = new List<TrafficShape>();
        var goneShapes = new List<TrafficShape>();
        foreach ((TrafficShape shape, int usesBefore) in _shapeBefore)
        {
            bool @is = _shapes.ContainsKey(shape);
            if (@is != usesBefore > 0)
            {
                (@is ? newShapes : goneShapes).Add(shape);
            }
        }

        return new FirewallDelta(removed, added, newShapes, goneShapes);
    }

    /// <summary>What <see cref="PeekDelta"/> says is now in the kernel.</summary>
    public void Accept()
    {
        _before.Clear();
        _shapeBefore.Clear();
    }

    /// <summary>Everything is again as it was at the last <see cref="Accept"/>: the kernel refused.</summary>
    public void Revert()
    {
        foreach (((string set, OctetString key), (int uses, OctetString? data)) in _before)
        {
            Dictionary<OctetString, Entry> elements = _sets[set];
            if (uses == 0)
            {
                elements.Remove(key);
            }
            else
            {
                elements[key] = new Entry(data) { Uses = uses };
            }
        }

        foreach ((TrafficShape shape, int uses) in _shapeBefore)
        {
            if (uses == 0)
            {
                _shapes.Remove(shape);
            }
            else
            {
                _shapes[shape] = uses;
            }
        }

        Accept();
    }

    private void Remember(string set, OctetString key, int uses, OctetString? data) => _before.TryAdd((set, key), (uses, data));
}
