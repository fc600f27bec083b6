using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EucaNet.Simulator.Recording;

/// <summary>
/// Copies a graph of objects, closures and suspended asynchronous methods included: each object once, fields as they are, references to copies. What static fields hold
/// (singletons, sentinels, caches) and what is immutable by nature is shared. What holds on to the operating system is refused.
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

    /// <summary>Objects copied so far.</summary>
    public int Count => _copies.Count;

    /// <summary>The copy of an object with all that it leads to.</summary>
    /// <exception cref="NotSupportedException">Something in the graph cannot be copied: an open file, a thread.</exception>
    public object? Copy(object? root)
    {
        object? copy = Reference(root);
        while (_pending.TryPop(out (object Copy, Action<object, ObjectGraphCopy> Fill) next))
        {
            next.Fill(next.Copy, this);
        }

        foreach ((object original, object table) in _tables)
        {
            Rehash(original, table);
        }

        _tables.Clear();
        return copy;
    }

    /// <summary>The copy that was made of an object; null where none was.</summary>
    public object? Find(object original) => _copies.GetValueOrDefault(original);

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
                or System.Text.Encoding or StringComparer or System.Net.IPAddress or Kernel.ParameterFolder || ObjectGraphFill.IsImmutable(type);
            if (IsShared)
            {
                return;
            }

            if (first is SafeHandle or Thread or WeakReference or Stream and not MemoryStream || definition == typeof(WeakReference<>))
            {
                throw new NotSupportedException($"A cloud cannot be forked while a {type.Name} hangs on it (a recording into a file, say): end that first.");
            }

            Fill = ObjectGraphFill.Of(type);
            IsTable = (definition == typeof(Dictionary<,>) || definition == typeof(HashSet<>)) && ObjectGraphFill.HoldsReferences(type.GetGenericArguments()[0]);
        }

        /// <summary>They are the program's, or never change: both sides have the same.</summary>
        public bool IsShared { get; }

        /// <summary>Exchanges the references of a copy; null where it has none.</summary>
        public Action<object, ObjectGraphCopy>? Fill { get; }

        /// <summary>Their keys are found by hashes that may differ among the copies.</summary>
        public bool IsTable { get; }
    }
}
