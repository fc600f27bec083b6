using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EucaNet.Simulator.Recording;

/// <summary>
/// Exchanges the references within a copied object for those to copies. The code for each type is made when its first object is met: going through fields by reflection
/// takes ten times as long.
/// </summary>
[RequiresUnreferencedCode("Looks into fields by reflection."), RequiresDynamicCode("Makes code for each type.")]
internal static class ObjectGraphFill
{
    private static readonly ConcurrentDictionary<Type, Action<object, ObjectGraphCopy>?> Fills = new();
    private static readonly ConcurrentDictionary<Type, FieldInfo[]> Fields = new();
    private static readonly MethodInfo Reference = typeof(ObjectGraphCopy).GetMethod(nameof(ObjectGraphCopy.Reference))!;
    private static readonly MethodInfo FirstElement = typeof(MemoryMarshal).GetMethod(nameof(MemoryMarshal.GetArrayDataReference), [typeof(Array)])!;
    private static readonly MethodInfo LengthOfArray = typeof(Array).GetProperty(nameof(Array.Length))!.GetMethod!;

    /// <summary>What exchanges the references in objects of a type; null where they hold none.</summary>
    public static Action<object, ObjectGraphCopy>? Of(Type type) => Fills.GetOrAdd(type, static type => type.IsArray ? OfElements(type.GetElementType()!) : OfFields(type));

    /// <summary>Values of this type lead to other objects.</summary>
    public static bool HoldsReferences(Type type) =>
        !type.IsPointer && !type.IsFunctionPointer && !type.IsPrimitive && !type.IsEnum && type != typeof(string) && type != typeof(decimal)
        && (!type.IsValueType || FieldsOf(type).Length > 0);

    /// <summary>No object of this type changes once it is made: what it holds is its own and cannot be written to.</summary>
    public static bool IsImmutable(Type type)
    {
        for (Type? level = type; level is not null && level != typeof(object) && level != typeof(ValueType); level = level.BaseType)
        {
            if (level.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly).Any(static field => !field.IsInitOnly || HoldsReferences(field.FieldType)))
            {
                return false;
            }
        }

        return !type.IsArray;
    }

    private static FieldInfo[] FieldsOf(Type type) => Fields.GetOrAdd(type, static type =>
    {
        var found = new List<FieldInfo>();
        for (Type? level = type; level is not null && level != typeof(object); level = level.BaseType)
        {
            found.AddRange(level.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly).Where(static field => HoldsReferences(field.FieldType)));
        }

        return found.Count == 0 || !ObjectGraphShape.IsInline(type) ? [.. found] : throw new NotSupportedException($"A cloud cannot be forked that holds a {type}: references in an inline array.");
    });

    private static Action<object, ObjectGraphCopy>? OfFields(Type type)
    {
        if (FieldsOf(type).Length == 0)
        {
            return null;
        }

        DynamicMethod method = Begin(type, out ILGenerator code);
        code.Emit(OpCodes.Ldarg_0);
        if (type.IsValueType)
        {
            code.Emit(OpCodes.Unbox, type);
        }

        LocalBuilder owner = Keep(code, type.IsValueType ? type.MakeByRefType() : type);
        EmitFields(code, type, owner);
        return End(method, code);
    }

    // The elements of an array of any shape lie one after the other.
    private static Action<object, ObjectGraphCopy>? OfElements(Type element)
    {
        if (!HoldsReferences(element))
        {
            return null;
        }

        DynamicMethod method = Begin(element, out ILGenerator code);
        code.Emit(OpCodes.Ldarg_0);
        code.Emit(OpCodes.Call, FirstElement);
        LocalBuilder place = Keep(code, element.MakeByRefType());
        code.Emit(OpCodes.Ldarg_0);
        code.Emit(OpCodes.Call, LengthOfArray);
        LocalBuilder left = Keep(code, typeof(int));
        Label next = code.DefineLabel(), test = code.DefineLabel();
        code.Emit(OpCodes.Br, test);
        code.MarkLabel(next);
        if (element.IsValueType)
        {
            EmitFields(code, element, place);
        }
        else
        {
            code.Emit(OpCodes.Ldloc, place);
            code.Emit(OpCodes.Ldarg_1);
            code.Emit(OpCodes.Ldloc, place);
            code.Emit(OpCodes.Ldind_Ref);
            code.Emit(OpCodes.Call, Reference);
            code.Emit(OpCodes.Stind_Ref);
        }

        code.Emit(OpCodes.Ldloc, place);
        code.Emit(OpCodes.Sizeof, element);
        code.Emit(OpCodes.Add);
        code.Emit(OpCodes.Stloc, place);
        code.Emit(OpCodes.Ldloc, left);
        code.Emit(OpCodes.Ldc_I4_1);
        code.Emit(OpCodes.Sub);
        code.Emit(OpCodes.Stloc, left);
        code.MarkLabel(test);
        code.Emit(OpCodes.Ldloc, left);
        code.Emit(OpCodes.Brtrue, next);
        return End(method, code);
    }

    // A structure lies in its owner, and so do its references.
    private static void EmitFields(ILGenerator code, Type type, LocalBuilder owner)
    {
        foreach (FieldInfo field in FieldsOf(type))
        {
            code.Emit(OpCodes.Ldloc, owner);
            if (field.FieldType.IsValueType)
            {
                code.Emit(OpCodes.Ldflda, field);
                EmitFields(code, field.FieldType, Keep(code, field.FieldType.MakeByRefType()));
                continue;
            }

            code.Emit(OpCodes.Ldarg_1);
            code.Emit(OpCodes.Ldloc, owner);
            code.Emit(OpCodes.Ldfld, field);
            code.Emit(OpCodes.Call, Reference);
            code.Emit(OpCodes.Stfld, field);
        }
    }

    private static DynamicMethod Begin(Type type, out ILGenerator code)
    {
        var method = new DynamicMethod($"Fill {type}", typeof(void), [typeof(object), typeof(ObjectGraphCopy)], typeof(ObjectGraphFill).Module, skipVisibility: true);
        code = method.GetILGenerator();
        return method;
    }

    private static Action<object, ObjectGraphCopy> End(DynamicMethod method, ILGenerator code)
    {
        code.Emit(OpCodes.Ret);
        return method.CreateDelegate<Action<object, ObjectGraphCopy>>();
    }

    private static LocalBuilder Keep(ILGenerator code, Type type)
    {
        LocalBuilder local = code.DeclareLocal(type);
        code.Emit(OpCodes.Stloc, local);
        return local;
    }
}
