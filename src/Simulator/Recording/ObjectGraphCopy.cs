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
[RequiresUnreferencedCode("Copies objects field by field.")]
internal sealed class ObjectGraphCopy
{
    private static readonly Func<object, object> CloneShallow =
        typeof(object).GetMethod("MemberwiseClone", BindingFlags.Instance | BindingFlags.NonPublic)!.CreateDelegate<Func<object, object>>();

    private readonly Dictionary<object, object> _copies = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Type, FieldInfo[]> _fields = [];
    private readonly StaticObjects _statics = new();
    private readonly Stack<(object Original, object Copy)> _pending = new();
    private readonly List<(object Original, object Copy)> _tables = [];

    /// <summary>Objects copied so far.</summary>
    public int Count { get; private set; }

    /// <summary>The copy of an object with all that it leads to.</summary>
    /// <exception cref="NotSupportedException">Something in the graph cannot be copied: an open file, a thread.</exception>
    public object? Copy(object? root)
    {
        object? copy = Reference(root);
        while (_pending.TryPop(out (object Original, object Copy) next))
        {
            Fill(next.Copy);
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

    private object? Reference(object? original)
    {
        if (original is null)
        {
            return null;
        }

        if (_copies.TryGetValue(original, out object? known))
        {
            return known;
        }

        Type type = original.GetType();
        if (IsShared(original))
        {
            return original;
        }

        _statics.Visit(type);
        if (_statics.TryFind(original, out _))
        {
            return original;
        }

        if (original is SafeHandle or Thread or WeakReference or Stream and not MemoryStream || (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(WeakReference<>)))
        {
            throw new NotSupportedException($"A cloud cannot be forked while a {type.Name} hangs on it (a recording into a file, say): end that first.");
        }

        object copy = CloneShallow(original);
        _copies.Add(original, copy);
        Count++;
        if (original is Array array)
        {
            if (HoldsReferences(type.GetElementType()!))
            {
                _pending.Push((array, copy));
            }
        }
        else if (FieldsOf(type).Length > 0)
        {
            _pending.Push((original, copy));
            if (type.IsGenericType && type.GetGenericTypeDefinition() is { } definition && (definition == typeof(Dictionary<,>) || definition == typeof(HashSet<>)) && HoldsReferences(type.GetGenericArguments()[0]))
            {
                _tables.Add((original, copy));
            }
        }

        return copy;
    }

    private static bool IsShared(object value) =>
        value is string or MemberInfo or Assembly or Module or ExecutionContext or SynchronizationContext or TaskScheduler or System.Globalization.CultureInfo
            or System.Text.Encoding or StringComparer or System.Net.IPAddress or Kernel.ParameterFolder;

    private void Fill(object copy)
    {
        if (copy is Array array)
        {
            Fill(array);
            return;
        }

        foreach (FieldInfo field in FieldsOf(copy.GetType()))
        {
            field.SetValue(copy, Value(field.GetValue(copy), field.FieldType));
        }
    }

    private void Fill(Array array)
    {
        Type element = array.GetType().GetElementType()!;
        if (array is object?[] references && !element.IsValueType)
        {
            for (int index = 0; index < references.Length; index++)
            {
                references[index] = Reference(references[index]);
            }

            return;
        }

        int[] position = new int[array.Rank];
        for (int number = 0; number < array.Length; number++)
        {
            for (int dimension = array.Rank - 1, rest = number; dimension >= 0; dimension--)
            {
                position[dimension] = array.GetLowerBound(dimension) + rest % array.GetLength(dimension);
                rest /= array.GetLength(dimension);
            }

            array.SetValue(Value(array.GetValue(position), element), position);
        }
    }

    // A structure lies in its owner: its own references are exchanged in the boxed copy, which then goes back.
    private object? Value(object? value, Type declared)
    {
        if (!declared.IsValueType || value is null)
        {
            return Reference(value);
        }

        foreach (FieldInfo field in FieldsOf(value.GetType()))
        {
            field.SetValue(value, Value(field.GetValue(value), field.FieldType));
        }

        return value;
    }

    private FieldInfo[] FieldsOf(Type type)
    {
        if (!_fields.TryGetValue(type, out FieldInfo[]? fields))
        {
            var found = new List<FieldInfo>();
            for (Type? level = type; level is not null && level != typeof(object); level = level.BaseType)
            {
                found.AddRange(level.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly).Where(field => HoldsReferences(field.FieldType)));
            }

            _fields.Add(type, fields = [.. found]);
        }

        return fields;
    }

    private bool HoldsReferences(Type type) =>
        !type.IsPointer && !type.IsPrimitive && !type.IsEnum && type != typeof(string) && type != typeof(decimal)
        && (!type.IsValueType || FieldsOf(type).Length > 0);

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
}
