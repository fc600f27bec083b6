using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace EucaNet.Simulator.Recording;

/// <summary>What the static fields of the types of a graph hold: singletons, sentinels, caches. They belong to the program, not to the state, and are shared.</summary>
[RequiresUnreferencedCode("Looks into fields by reflection.")]
internal sealed class StaticObjects
{
    private readonly HashSet<Type> _seen = [];
    private readonly HashSet<Type> _types = [];
    private readonly Dictionary<object, FieldInfo> _places = new(ReferenceEqualityComparer.Instance);

    /// <summary>A static field holds this object of this type.</summary>
    public bool Holds(object value, Type type) => _types.Contains(type) && _places.ContainsKey(value);

    /// <summary>The field that holds an object; false where none of those that are known does.</summary>
    public bool TryFind(object value, [NotNullWhen(true)] out FieldInfo? place) => _places.TryGetValue(value, out place);

    /// <summary>Gets to know the static fields of a type, of those it derives from and of those it is made of: a set's order is often kept by what the set holds.</summary>
    public void Visit(Type type)
    {
        for (Type? level = type; level is not null && level != typeof(object); level = level.BaseType)
        {
            if (!_seen.Add(level) || level.ContainsGenericParameters || level.IsArray)
            {
                continue;
            }

            foreach (Type argument in level.GetGenericArguments())
            {
                Visit(argument);
            }

            foreach (FieldInfo field in level.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                if (!field.IsLiteral && !field.FieldType.IsPointer && !field.FieldType.IsByRefLike && !field.FieldType.IsValueType && field.GetValue(null) is { } value)
                {
                    _places.TryAdd(value, field);
                    _types.Add(value.GetType());
                }
            }
        }
    }
}
