using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace EucaNet.Simulator.Recording;

/// <summary>
/// Writes a graph of objects as lines of text, closures and suspended asynchronous methods included: first the line of a type the first time it is met, then a line for each
/// object with its number, its type and its fields in their order. Numbers are given in the order in which objects are met, so one state is one text. What is said of
/// shared objects and of what holds on to the operating system in <see cref="ObjectGraphCopy"/> is so here.
/// </summary>
[RequiresUnreferencedCode("Looks into fields by reflection."), RequiresDynamicCode("Asks for the size of structures.")]
internal sealed class ObjectGraphWriter(TextWriter output)
{
    private readonly ObjectGraphShape _shape = new();
    private readonly StaticObjects _statics = new();
    private readonly Dictionary<object, int> _numbers = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Type, int> _types = [];
    private readonly Queue<object> _pending = new();

    /// <summary>Writes everything that an object leads to.</summary>
    /// <exception cref="NotSupportedException">Something in it has no text: an open file, a thread.</exception>
    public void Write(object root)
    {
        output.Write(ObjectGraphShape.Title + "\n");
        Reference(root);
        while (_pending.TryDequeue(out object? next))
        {
            var line = new List<string>();
            Describe(next, line);
            output.Write($"@{_numbers[next].ToString(CultureInfo.InvariantCulture)} {string.Join(' ', line)}\n");
        }
    }

    private void Describe(object value, List<string> line)
    {
        Type type = value.GetType();
        line.Add(TypeName(type));
        switch (value)
        {
            case byte[] octets:
                line.Add(Convert.ToHexStringLower(octets));
                break;
            case Array { Rank: 1 } array:
                line.Add(array.Length.ToString(CultureInfo.InvariantCulture));
                foreach (object? element in array)
                {
                    line.Add(Value(element, type.GetElementType()!));
                }

                break;
            case Delegate target when target.GetInvocationList() is [_, _, ..] all:
                line.Add("all");
                line.AddRange(all.Select(Reference));
                break;
            case Delegate target:
                line.Add(TypeName(target.Method.DeclaringType!));
                line.Add(JsonSerializer.Serialize(Signature(target.Method)));
                line.Add(Reference(target.Target));
                line.AddRange(target.Method.IsGenericMethod ? target.Method.GetGenericArguments().Select(TypeName) : []);
                break;
            case var table when ObjectGraphShape.IsTable(type):
                line.Add(Reference(type.GetProperty("Comparer")!.GetValue(table)));
                Type[] parts = type.GetGenericArguments();
                foreach (object element in (IEnumerable)table)
                {
                    if (parts.Length == 1)
                    {
                        line.Add(Value(element, parts[0]));
                    }
                    else
                    {
                        Type pair = element.GetType();
                        line.Add(Value(pair.GetProperty("Key")!.GetValue(element), parts[0]));
                        line.Add(Value(pair.GetProperty("Value")!.GetValue(element), parts[1]));
                    }
                }

                break;
            default:
                line.AddRange(_shape.FieldsOf(type).Select(field => Value(field.GetValue(value), field.FieldType)));
                break;
        }
    }

    /// <summary>A generic method's own, so that who reads finds it before it is made of its arguments.</summary>
    private static string Signature(MethodInfo method) => (method.IsGenericMethod ? method.GetGenericMethodDefinition() : method).ToString()!;

    private string Value(object? value, Type declared) => value is not null && declared.IsValueType ? Inline(value) : Reference(value);

    private string Inline(object value)
    {
        Type type = value.GetType();
        if (type.IsEnum)
        {
            return Convert.ToString(Convert.ChangeType(value, Enum.GetUnderlyingType(type), CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)!;
        }

        return value switch
        {
            bool yes => yes ? "true" : "false",
            char letter => ((int)letter).ToString(CultureInfo.InvariantCulture),
            float or double => ((IFormattable)value).ToString("R", CultureInfo.InvariantCulture),
            nint or nuint => throw Refused(type),
            _ when type.IsPrimitive => ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture),
            _ when ObjectGraphShape.IsInline(type) => "<" + Convert.ToHexStringLower(Octets(value)) + ">",
            _ => $"{{ {string.Concat(_shape.FieldsOf(type).Select(field => Value(field.GetValue(value), field.FieldType) + " "))}}}",
        };
    }

    private static byte[] Octets(object value)
    {
        var pin = GCHandle.Alloc(value, GCHandleType.Pinned);
        try
        {
            byte[] octets = new byte[Marshal.SizeOf(value)];
            Marshal.Copy(pin.AddrOfPinnedObject(), octets, 0, octets.Length);
            return octets;
        }
        finally
        {
            pin.Free();
        }
    }

    private string Reference(object? value)
    {
        switch (value)
        {
            case null or ExecutionContext or SynchronizationContext or ForksUnderWay or ObjectGraphCopy:
                return "null";
            case string text:
                return JsonSerializer.Serialize(text);
            case Type type:
                return "type " + TypeName(type);
            case Array { Length: 0, Rank: 1 }:
                return "empty " + TypeName(value.GetType()); // Nothing can be changed in it: which one it is does not matter.
            case IPAddress address when address.GetType() == typeof(IPAddress):
                return $"address {address}";
            case SafeHandle or Thread or WeakReference or MemberInfo or Assembly or Module or (Stream and not MemoryStream):
                throw Refused(value.GetType());
        }

        Type kind = value.GetType();
        if (kind.IsValueType)
        {
            return $"boxed {TypeName(kind)} {Inline(value)}";
        }

        if (!_numbers.TryGetValue(value, out int number))
        {
            // What a field gets only when it is first asked for may not be there where the text is read.
            _statics.Visit(kind);
            if (value is not Delegate && _statics.TryFind(value, out FieldInfo? place) && place.IsInitOnly)
            {
                return $"static {TypeName(place.DeclaringType!)} {place.Name}";
            }

            if (kind.IsGenericType && kind.GetGenericTypeDefinition() == typeof(WeakReference<>))
            {
                throw Refused(kind);
            }

            (value as CopiedLater)?.Open();
            _numbers.Add(value, number = _numbers.Count);
            _pending.Enqueue(value);
        }

        return "@" + number.ToString(CultureInfo.InvariantCulture);
    }

    private string TypeName(Type type)
    {
        if (!_types.TryGetValue(type, out int number))
        {
            _types.Add(type, number = _types.Count);
            output.Write($"#{number.ToString(CultureInfo.InvariantCulture)} {type.AssemblyQualifiedName}\n");
        }

        return "#" + number.ToString(CultureInfo.InvariantCulture);
    }

    private static NotSupportedException Refused(Type type) => new($"A state cannot be saved while a {type.Name} hangs on it (a recording into a file, say): end that first.");
}
