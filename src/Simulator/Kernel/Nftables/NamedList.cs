namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Something that is listed under a name and a handle.</summary>
internal interface INamedObject
{
    string Name { get; }

    ulong Handle { get; }

    /// <summary>Deleted in the batch that is under way: no longer found, but gone only with the commit.</summary>
    bool IsDeleted { get; set; }
}

/// <summary>
/// Objects in the order they were made, found by name or handle. A deleted one keeps its place until the batch is
/// committed, so that an abort puts everything back as it was.
/// </summary>
internal sealed class NamedList<T>
    where T : class, INamedObject
{
    private readonly LinkedList<T> _items = new();
    private readonly Dictionary<string, T> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<T, LinkedListNode<T>> _nodes = new(ReferenceEqualityComparer.Instance);

    /// <summary>All that are not deleted, oldest first. The list may change while it is walked.</summary>
    public IEnumerable<T> Active
    {
        get
        {
            for (LinkedListNode<T>? node = _items.First; node is not null;)
            {
                LinkedListNode<T>? next = node.Next;
                if (!node.Value.IsDeleted)
                {
                    yield return node.Value;
                }

                node = next;
            }
        }
    }

    public T? Find(string name) => _byName.GetValueOrDefault(name);

    public T? Find(ulong handle)
    {
        foreach (T item in _items)
        {
            if (!item.IsDeleted && item.Handle == handle)
            {
                return item;
            }
        }

        return null;
    }

    public void Add(T item)
    {
        _nodes[item] = _items.AddLast(item);
        _byName[item.Name] = item;
    }

    /// <summary>Hides an item until the batch ends.</summary>
    public void Hide(T item)
    {
        item.IsDeleted = true;
        if (_byName.GetValueOrDefault(item.Name) == item)
        {
            _byName.Remove(item.Name);
        }
    }

    /// <summary>Takes back <see cref="Hide"/>.</summary>
    public void Restore(T item)
    {
        item.IsDeleted = false;
        _byName[item.Name] = item;
    }

    /// <summary>Removes an item for good.</summary>
    public void Remove(T item)
    {
        if (_nodes.Remove(item, out LinkedListNode<T>? node))
        {
            _items.Remove(node);
            if (_byName.GetValueOrDefault(item.Name) == item)
            {
                _byName.Remove(item.Name);
            }
        }
    }

    /// <summary>Files an item under its new name.</summary>
    public void Renamed(T item, string oldName)
    {
        if (_byName.GetValueOrDefault(oldName) == item)
        {
            _byName.Remove(oldName);
        }

        _byName[item.Name] = item;
    }
}
