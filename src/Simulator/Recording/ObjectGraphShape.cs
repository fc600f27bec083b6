using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace EucaNet.Simulator.Recording;

/// <summary>What the text of an object graph says of a type's objects, and in which order: both who writes it and who reads it go by this.</summary>
[RequiresUnreferencedCode("Looks into fields by reflection.")]
internal sealed class ObjectGraphShape
{
    /// <summary>The first line of a text.</summary>
    public const string Title = "eucanet state 1";

    public const BindingFlags All = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private readonly Dictionary<Type, FieldInfo[]> _fields = [];

    /// <summary>The fields of a type, those of its base types last.</summary>
    public FieldInfo[] FieldsOf(Type type)
    {
        if (!_fields.TryGetValue(type, out FieldInfo[]? fields))
        {
            var found = new List<FieldInfo>();
            for (Type? level = type; level is not null && level != typeof(object) && level != typeof(ValueType); level = level.BaseType)
            {
                found.AddRange(level.GetFields(All & ~BindingFlags.Static).OrderBy(static field => field.MetadataToken));
            }

            _fields.Add(type, fields = [.. found]);
        }

        return fields;
    }

    /// <summary>The table kinds are written as their elements: where these lie depends on hashes, which differ from process to process.</summary>
    public static bool IsTable(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() is { } definition
        && (definition == typeof(Dictionary<,>) || definition == typeof(HashSet<>) || definition == typeof(System.Collections.Concurrent.ConcurrentDictionary<,>));

    /// <summary>Octets that lie in a structure one after the other.</summary>
    public static bool IsInline(Type type) => type.IsDefined(typeof(InlineArrayAttribute), inherit: false);
}
