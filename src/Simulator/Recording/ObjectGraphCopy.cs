using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Recording;

/// <summary>
/// Copies a graph of objects, closures and suspended asynchronous methods included: each object once, fields as they are, references to copies. What static fields hold
/// (singletons, sentinels, caches) and what is immutable by nature is shared. What holds on to the operating system is refused. What is behind a door
/// (<see cref="CopiedLater"/>) is copied when the first door of its machine is opened.
/// </summary>
[RequiresUnreferencedCode("Copies objects field by field."), RequiresDynamicCode("Makes code for each type.")]
internal sealed class ObjectGraphCopy
{
    private static readonly Func<object, object> CloneShallow =
        typeof(object).GetMethod("MemberwiseClone", BindingFlags.Instance | BindingFlags.NonPublic)!.CreateDelegate<Func<object, object>>();

    private readonly Dictionary<object, object> _copies = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Type, Plan> _plans = [];
    private readonly StaticObjects _statics = new();
    private readonly Stack<(object Copy, Action<object, ObjectGraphCopy> Fill)> _pending = new();
    private readonly List<(object Original, object Copy)> _tables = [];
    private readonly Lock _lock = new();
    private readonly Dictionary<MachineIdentity, List<CopiedLater>> _closed = [];
    private readonly HashSet<MachineIdentity> _open = [];
    private readonly Stack<CopiedLater> _opening = new();
    private readonly List<CopiedLater> _opened = [];
    private Exception? _over;

    /// <summary>Objects copied so far.</summary>
    public int Count => _copies.Count;

    /// <summary>Nothing is left to be copied, or nothing will be.</summary>
    public bool IsComplete => _closed.Count == 0;

    /// <summary>The copy of an object with all that it leads to.</summary>
    /// <exception cref="NotSupportedException">Something in the graph cannot be copied: an open file, a thread.</exception>
    public object? Copy(object? root)
    {
        lock (_lock)
        {
            object? copy = Reference(root);
            Finish();
            return copy;
        }
    }

    /// <summary>The copy that was made of an object; null where none was.</summary>
    /// <exception cref="NotSupportedException">Something could not be copied: what there is may be half of it.</exception>
    public object? Find(object original)
    {
        lock (_lock)
        {
            if (_over is NotSupportedException)
            {
                ThrowIfOver();
            }

            return _copies.GetValueOrDefault(original);
        }
    }

    /// <summary>Copies what is behind the doors of a machine.</summary>
    /// <exception cref="NotSupportedException">Something there cannot be copied. All doors that are closed stay so.</exception>
    public void Open(MachineIdentity machine)
    {
        lock (_lock)
        {
            OpenDoors(machine);
            Finish();
        }
    }

    /// <summary>As <see cref="Open(MachineIdentity)"/> for whom the original belongs to: where something cannot be copied it is the copy that ends, and its user hears why.</summary>
    public void LetGo(MachineIdentity machine)
    {
        try
        {
            Open(machine);
        }
        catch (NotSupportedException)
        {
            // Kept in _over.
        }
    }

    /// <summary>Copies what is behind a door, and all doors of the same machine.</summary>
    /// <exception cref="NotSupportedException">Something there, or earlier, could not be copied.</exception>
    /// <exception cref="ObjectDisposedException">The copy was given up.</exception>
    public void Open(CopiedLater door)
    {
        lock (_lock)
        {
            if (!door.IsHere)
            {
                ThrowIfOver();
                Open(door.Machine!);
            }
        }
    }

    /// <summary>Copies what is behind all doors.</summary>
    /// <exception cref="NotSupportedException">Something there, or earlier, could not be copied.</exception>
    public void OpenAll()
    {
        lock (_lock)
        {
            ThrowIfOver();
            while (_closed.Count > 0)
            {
                Open(_closed.Keys.First());
            }
        }
    }

    /// <summary>Nobody goes through the closed doors any more.</summary>
    public void Abandon()
    {
        lock (_lock)
        {
            End(new ObjectDisposedException(nameof(Fabric.SimulatedCloud)));
        }
    }

    /// <summary>What stands in the copies for an object: its copy, or itself where it is shared. What a new copy leads to is copied before <see cref="Copy"/> ends.</summary>
    public object? Reference(object? original)
    {
        if (original is null)
        {
            return null;
        }

        Type type = original.GetType();
        if (!_plans.TryGetValue(type, out Plan? plan))
        {
            _statics.Visit(type);
            _plans.Add(type, plan = new Plan(original));
        }

        if (plan.IsLeftOut)
        {
            return null;
        }

        // What was copied before the static field that holds it was met stays a copy everywhere.
        if (plan.IsShared || (_statics.Holds(original, type) && !_copies.ContainsKey(original)))
        {
            return original;
        }

        ref object? copy = ref CollectionsMarshal.GetValueRefOrAddDefault(_copies, original, out bool known);
        if (known)
        {
            return copy;
        }

        if (plan.IsDoor)
        {
            var door = ((CopiedLater)original).Close(this);
            copy = door;
            KeepClosed(door);
            return door;
        }

        if (original is SimulatedKernel kernel)
        {
            OpenDoors(kernel.Identity);
        }

        copy = CloneShallow(original);
        if (plan.Fill is { } fill)
        {
            _pending.Push((copy, fill));
        }

        if (plan.IsTable)
        {
            _tables.Add((original, copy));
        }

        return copy;
    }

    private void Finish()
    {
        try
        {
            Fill();
        }
        catch (NotSupportedException refused)
        {
            // What was half copied is behind doors that are still closed.
            End(refused);
            throw;
        }
    }

    private void End(Exception why)
    {
        _over ??= why;
        _closed.Clear();
        _pending.Clear();
        _opening.Clear();
        _opened.Clear();
        _tables.Clear();
    }

    private void ThrowIfOver()
    {
        switch (_over)
        {
            case ObjectDisposedException disposed:
                throw new ObjectDisposedException(disposed.ObjectName);
            case { } refused:
                throw new NotSupportedException(refused.Message, refused);
        }
    }

    private void Fill()
    {
        while (true)
        {
            if (_pending.TryPop(out (object Copy, Action<object, ObjectGraphCopy> Fill) next))
            {
                next.Fill(next.Copy, this);
            }
            else if (_opening.TryPop(out CopiedLater? door))
            {
                door.Take(this);
                _opened.Add(door);
            }
            else
            {
                break;
            }
        }

        foreach ((object original, object table) in _tables)
        {
            Rehash(original, table);
        }

        _tables.Clear();
        _opened.ForEach(static door => door.StayOpen());
        _opened.Clear();
    }

    private void KeepClosed(CopiedLater door)
    {
        if (door.Machine is not { } machine || _open.Contains(machine))
        {
            _opening.Push(door);
        }
        else if (_closed.TryGetValue(machine, out List<CopiedLater>? doors))
        {
            doors.Add(door);
        }
        else
        {
            _closed.Add(machine, [door]);
        }
    }

    // A machine is copied as a whole, however one came to it.
    private void OpenDoors(MachineIdentity machine)
    {
        if (_open.Add(machine) && _closed.Remove(machine, out List<CopiedLater>? doors))
        {
            doors.ForEach(_opening.Push);
        }
    }

    // Objects without a hash of their own are found by their identity, and the copies' identities are others.
    private static void Rehash(object original, object table)
    {
        if (table is IDictionary dictionary)
        {
            object[] before = [.. ((IDictionary)original).Keys.Cast<object>()], keys = [.. dictionary.Keys.Cast<object>()];
            if (HaveTheSameHashes(before, keys, original))
            {
                return;
            }

            object?[] values = [.. dictionary.Values.Cast<object?>()];
            dictionary.Clear();
            for (int index = 0; index < keys.Length; index++)
            {
                dictionary.Add(keys[index], values[index]);
            }
        }
        else
        {
            object[] before = [.. ((IEnumerable)original).Cast<object>()], elements = [.. ((IEnumerable)table).Cast<object>()];
            if (!HaveTheSameHashes(before, elements, original))
            {
                Type type = table.GetType();
                type.GetMethod("Clear")!.Invoke(table, null);
                MethodInfo add = type.GetMethod("Add")!;
                foreach (object element in elements)
                {
                    add.Invoke(table, [element]);
                }
            }
        }
    }

    private static bool HaveTheSameHashes(object[] before, object[] after, object table)
    {
        bool byIdentity = table.GetType().GetProperty("Comparer")?.GetValue(table) is ReferenceEqualityComparer;
        for (int index = 0; index < before.Length; index++)
        {
            int one = byIdentity ? RuntimeHelpers.GetHashCode(before[index]) : before[index].GetHashCode();
            int other = byIdentity ? RuntimeHelpers.GetHashCode(after[index]) : after[index].GetHashCode();
            if (one != other)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What becomes of the objects of a type.</summary>
    [RequiresUnreferencedCode("Looks into fields by reflection."), RequiresDynamicCode("Makes code for each type.")]
    private sealed class Plan
    {
        public Plan(object first)
        {
            Type type = first.GetType();
            Type? definition = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
            IsShared = first is string or MemberInfo or Assembly or Module or ExecutionContext or SynchronizationContext or TaskScheduler or System.Globalization.CultureInfo
                or System.Text.Encoding or StringComparer or System.Net.IPAddress or ParameterFolder || ObjectGraphFill.IsImmutable(type);
            if (IsShared)
            {
                return;
            }

            if (first is ForksUnderWay or ObjectGraphCopy)
            {
                IsLeftOut = true;
                return;
            }

            if (first is SafeHandle or Thread or WeakReference or Stream and not MemoryStream || definition == typeof(WeakReference<>))
            {
                throw new NotSupportedException($"A cloud cannot be forked while a {type.Name} hangs on it (a recording into a file, say): end that first.");
            }

            Fill = ObjectGraphFill.Of(type);
            IsDoor = first is CopiedLater;
            IsTable = (definition == typeof(Dictionary<,>) || definition == typeof(HashSet<>)) && ObjectGraphFill.HoldsReferences(type.GetGenericArguments()[0]);
        }

        /// <summary>They belong to no state: where one is, a copy has none.</summary>
        public bool IsLeftOut { get; }

        /// <summary>They are the program's, or never change: both sides have the same.</summary>
        public bool IsShared { get; }

        /// <summary>Exchanges the references of a copy; null where it has none.</summary>
        public Action<object, ObjectGraphCopy>? Fill { get; }

        /// <summary>What they lead to is copied later.</summary>
        public bool IsDoor { get; }

        /// <summary>Their keys are found by hashes that may differ among the copies.</summary>
        public bool IsTable { get; }
    }
}
