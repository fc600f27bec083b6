using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace EucaNet.Simulator.Recording;

/// <summary>Makes the objects again that <see cref="ObjectGraphWriter"/> wrote.</summary>
[RequiresUnreferencedCode("Makes objects by the names of their types."), RequiresDynamicCode("Makes arrays and generic methods by their types.")]
internal sealed class ObjectGraphReader
{
    private readonly ObjectGraphShape _shape = new();
    private readonly Dictionary<string, Type> _types = [];
    private readonly Dictionary<string, (Type Type, string[] Words)> _lines = [];
    private readonly Dictionary<string, object> _objects = [];
    private readonly List<(object Table, string[] Words)> _tables = [];

    /// <summary>A type by its name; null where there is none, or the name is cut.</summary>
    private static Type? Find(string name)
    {
        try
        {
            return Type.GetType(name);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The object that the text begins with.</summary>
    /// <exception cref="FormatException">It is no such text, or one of another version of the program.</exception>
    public object Read(TextReader input)
    {
        if (input.ReadLine() != ObjectGraphShape.Title)
        {
            throw new FormatException($"A saved state begins with '{ObjectGraphShape.Title}'.");
        }

        while (input.ReadLine() is { } line)
        {
            string[] words = [.. Words(line)];
            if (line.StartsWith('#'))
            {
                _types.Add(words[0], Find(line[(words[0].Length + 1)..]) ?? throw Broken(line));
            }
            else if (words is [{ } name, { } type, .. { } rest] && name.StartsWith('@'))
            {
                _lines.Add(name, (_types[type], rest));
            }
            else
            {
                throw Broken(line);
            }
        }

        foreach ((string name, (Type type, string[] words)) in _lines)
        {
            if (!_objects.ContainsKey(name))
            {
                _objects.Add(name, Empty(type, words));
            }
        }

        foreach ((string name, (Type type, string[] words)) in _lines)
        {
            Fill(_objects[name], type, words);
        }

        // Elements are found by hashes, which need elements that are whole.
        foreach ((object table, string[] words) in _tables)
        {
            FillTable(table, words);
        }

        return _objects["@0"];
    }

    private object Empty(Type type, string[] words)
    {
        if (type == typeof(byte[]))
        {
            return Convert.FromHexString(words[0]);
        }

        if (type.IsArray)
        {
            return Array.CreateInstance(type.GetElementType()!, int.Parse(words[0], CultureInfo.InvariantCulture));
        }

        return type.IsAssignableTo(typeof(Delegate)) ? MakeDelegate(type, words) : RuntimeHelpers.GetUninitializedObject(type);
    }

    // A delegate is made of its target, which need not be whole for that.
    private Delegate MakeDelegate(Type type, string[] words)
    {
        var at = new Cursor(words);
        if (words[0] == "all")
        {
            at.Next();
            var parts = new List<Delegate>();
            while (!at.IsAtEnd)
            {
                parts.Add((Delegate)Reference(ref at)!);
            }

            return Delegate.Combine([.. parts])!;
        }

        Type declaring = _types[at.Next()];
        string signature = JsonSerializer.Deserialize<string>(at.Next())!;
        object? target = Reference(ref at);
        MethodInfo method = Array.Find(declaring.GetMethods(ObjectGraphShape.All), candidate => candidate.ToString() == signature)
            ?? throw new FormatException($"{declaring} has no method '{signature}': the state was saved by another version of the program.");
        if (method.IsGenericMethodDefinition)
        {
            var arguments = new List<Type>();
            while (!at.IsAtEnd)
            {
                arguments.Add(_types[at.Next()]);
            }

            method = method.MakeGenericMethod([.. arguments]);
        }

        return Delegate.CreateDelegate(type, target, method);
    }

    private void Fill(object value, Type type, string[] words)
    {
        var at = new Cursor(words);
        if (value is byte[] or Delegate)
        {
            return;
        }

        if (value is Array array)
        {
            at.Next();
            for (int index = 0; index < array.Length; index++)
            {
                array.SetValue(Value(ref at, type.GetElementType()!), index);
            }
        }
        else if (ObjectGraphShape.IsTable(type))
        {
            _tables.Add((value, words));
        }
        else
        {
            foreach (FieldInfo field in _shape.FieldsOf(type))
            {
                field.SetValue(value, Value(ref at, field.FieldType));
            }
        }
    }

    private void FillTable(object table, string[] words)
    {
        var at = new Cursor(words);
        Type type = table.GetType();
        object? comparer = Reference(ref at);
        Type[] parts = type.GetGenericArguments();
        type.GetConstructor([typeof(IEqualityComparer<>).MakeGenericType(parts[0])])!.Invoke(table, [comparer]);
        MethodInfo? add = parts.Length == 1 ? type.GetMethod("Add") : null;
        while (!at.IsAtEnd)
        {
            object? key = Value(ref at, parts[0]);
            if (add is not null)
            {
                add.Invoke(table, [key]);
            }
            else
            {
                ((IDictionary)table).Add(key!, Value(ref at, parts[1]));
            }
        }
    }

    private object? Value(ref Cursor at, Type declared)
    {
        if (!declared.IsValueType)
        {
            return Reference(ref at);
        }

        if (Nullable.GetUnderlyingType(declared) is not { } underlying)
        {
            return Inline(ref at, declared);
        }

        return at.Take("null") ? null : Inline(ref at, underlying);
    }

    private object Inline(ref Cursor at, Type type)
    {
        string word = at.Next();
        if (type.IsEnum)
        {
            return Enum.ToObject(type, Convert.ChangeType(word, Enum.GetUnderlyingType(type), CultureInfo.InvariantCulture));
        }

        if (type.IsPrimitive)
        {
            return type == typeof(char) ? (char)int.Parse(word, CultureInfo.InvariantCulture) : Convert.ChangeType(word, type, CultureInfo.InvariantCulture);
        }

        object value = RuntimeHelpers.GetUninitializedObject(type);
        if (word.StartsWith('<'))
        {
            byte[] octets = Convert.FromHexString(word[1..^1]);
            var pin = GCHandle.Alloc(value, GCHandleType.Pinned);
            Marshal.Copy(octets, 0, pin.AddrOfPinnedObject(), octets.Length);
            pin.Free();
            return value;
        }

        foreach (FieldInfo field in _shape.FieldsOf(type))
        {
            field.SetValue(value, Value(ref at, field.FieldType));
        }

        return at.Take("}") ? value : throw new FormatException($"The text says more of a {type} than it has fields: the state was saved by another version of the program.");
    }

    private object? Reference(ref Cursor at)
    {
        string word = at.Next();
        switch (word)
        {
            case "null":
                return null;
            case "type":
                return _types[at.Next()];
            case "empty":
                return Array.CreateInstance(_types[at.Next()].GetElementType()!, 0);
            case "address":
                return IPAddress.Parse(at.Next());
            case "boxed":
                return Inline(ref at, _types[at.Next()]);
            case "static":
                Type holder = _types[at.Next()];
                return holder.GetField(at.Next(), ObjectGraphShape.All)?.GetValue(null) ?? throw new FormatException($"{holder} holds nothing there: the state was saved by another version of the program.");
            case ['"', ..]:
                return JsonSerializer.Deserialize<string>(word);
        }

        if (!_objects.TryGetValue(word, out object? known))
        {
            (Type type, string[] words) = _lines.TryGetValue(word, out (Type, string[]) line) ? line : throw Broken(word);
            _objects.Add(word, known = Empty(type, words));
        }

        return known;
    }

    // Separated by spaces, of which a text in quotes may hold some.
    private static IEnumerable<string> Words(string line)
    {
        for (int begin = 0; begin < line.Length;)
        {
            int end = begin;
            if (line[begin] == '"')
            {
                for (end++; end < line.Length && line[end] != '"'; end++)
                {
                    end += line[end] == '\\' ? 1 : 0;
                }

                if (end >= line.Length)
                {
                    throw Broken(line);
                }

                end++;
            }
            else
            {
                while (end < line.Length && line[end] != ' ')
                {
                    end++;
                }
            }

            if (end > begin)
            {
                yield return line[begin..end];
            }

            begin = end + 1;
        }
    }

    private static FormatException Broken(string line) => new($"This is no line of a saved state, or one of another version of the program: {line}");

    private struct Cursor(string[] words)
    {
        private int _at;

        public readonly bool IsAtEnd => _at >= words.Length;

        public string Next() => _at < words.Length ? words[_at++] : throw new FormatException("A line of the saved state ends too soon: it was saved by another version of the program.");

        public bool Take(string word)
        {
            bool found = !IsAtEnd && words[_at] == word;
            _at += found ? 1 : 0;
            return found;
        }
    }
}
