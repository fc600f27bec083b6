using System.Globalization;
using System.Text;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Prints what a set is: type or typeof, flags, size, timeouts, statements of its elements.</summary>
internal static class SetDeclarationPrinter
{
    public static void Print(StringBuilder text, ListedSet set, NodePrinter nodes)
    {
        NftablesSet declaration = set.Declaration;
        PrintTypes(text, set, nodes);
        if ((declaration.Flags & SetFlags.Constant) == 0)
        {
            text.Append(declaration.Policy is > 0 and var policy ? $"\t\tpolicy {(policy == NfTables.NFT_SET_POL_MEMORY ? "memory" : "unknown")}\n" : "");
            text.Append(declaration.Size is > 0 and var size ? string.Create(CultureInfo.InvariantCulture, $"\t\tsize {size}\n") : "");
        }

        PrintFlags(text, declaration);
        if (declaration.Expressions.Count > 0)
        {
            text.Append("\t\t");
            for (int i = 0; i < declaration.Expressions.Count; i++)
            {
                text.Append(i == 0 ? "" : " ");
                PlainPrinter.Print(text, declaration.Expressions[i], stateless: true);
            }

            text.Append('\n');
        }

        text.Append(ListedSet.Number(declaration.UserData, UserData.SetMergeElements) != 0 ? "\t\tauto-merge\n" : "");
        PrintTime(text, "timeout", declaration.Timeout, nodes.Options.Numeric);
        PrintTime(text, "gc-interval", declaration.GarbageCollectionInterval, nodes.Options.Numeric);
        text.Append(declaration.Comment is { } comment ? $"\t\tcomment \"{comment}\"\n" : "");
    }

    private static void PrintTypes(StringBuilder text, ListedSet set, NodePrinter nodes)
    {
        if (set.TypeofKey is { } key)
        {
            text.Append("typeof ");
            nodes.Print(key);
        }
        else
        {
            text.Append("type ").Append(TypeName(set.KeyType));
        }

        if ((set.Declaration.Flags & SetFlags.Object) != 0)
        {
            text.Append(" : ").Append(NftablesObject.KindName(set.ObjectType));
        }
        else if ((set.Declaration.Flags & SetFlags.Map) != 0)
        {
            text.Append(" : ").Append(set.DataIsInterval ? "interval " : "");
            if (set.TypeofKey is not null && set.TypeofData is { } data)
            {
                nodes.Print(data);
            }
            else
            {
                text.Append(TypeName(set.DataType));
            }
        }

        text.Append('\n');
    }

    /// <summary>A type without a fixed size is printed as the value nought, as nft does.</summary>
    private static string TypeName(DataType type) => type.Bits > 0 || type == DataTypes.Verdict ? type.Name : type.IsText ? "\"\"" : "0";

    private static void PrintFlags(StringBuilder text, NftablesSet set)
    {
        var names = new List<string>();
        (SetFlags Flag, string Name)[] known =
            [(SetFlags.Constant, "constant"), (SetFlags.Evaluated, "dynamic"), (SetFlags.Interval, "interval"), (SetFlags.Timeout, "timeout")];
        bool timeoutIsSaid = set.Timeout is > 0;
        foreach ((SetFlags flag, string name) in known)
        {
            if ((set.Flags & flag) != 0)
            {
                names.Add(name);
            }
        }

        // With a default timeout the flag alone is no reason for the line.
        if (names.Count > 0 && !(timeoutIsSaid && names is ["timeout"]))
        {
            text.Append($"\t\tflags {string.Join(',', names)}\n");
        }
    }

    private static void PrintTime(StringBuilder text, string name, ulong? milliseconds, bool numeric)
    {
        if (milliseconds is > 0 and var time)
        {
            text.Append($"\t\t{name} ");
            ValuePrinter.PrintTime(text, time, numeric);
            text.Append('\n');
        }
    }
}
