namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>The stateful objects of a table in the order they were made; a name may stand once for each type.</summary>
internal sealed class ObjectList
{
    private readonly LinkedList<StatefulObject> _items = new();

    /// <summary>All that are not deleted, oldest first. The list may change while it is walked.</summary>
    public IEnumerable<StatefulObject> Active => _items.Where(item => !item.IsDeleted).ToArray();

    /// <summary>By name and type; type 0 for any.</summary>
    public StatefulObject? Find(string name, uint type) =>
        _items.FirstOrDefault(item => !item.IsDeleted && item.Name == name && (type == 0 || item.Type == type));

    public void Add(StatefulObject item) => _items.AddLast(item);

    public void Remove(StatefulObject item) => _items.Remove(item);
}
