using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>A set of the kernel within a block, with the side of the packet each of its dimensions looks at (struct xt_set_info).</summary>
internal static class SetReference
{
    public const int Size = 4;
    public const byte Inverted = 1;
    public const ushort NoSet = ushort.MaxValue;
    private const int DimensionField = 2, FlagsField = 3, Dimensions = 6;

    /// <summary>Reads a set's name and the list of src and dst that follows it.</summary>
    public static void Parse(OptionCall call, int offset)
    {
        Span<byte> info = call.Info.Slice(offset, Size);
        string name = call.Argument;
        string sides = call.TakeSecond($"--{call.Option.Name} takes a set and a list of src and dst");
        if (name.Length > KernelSets.MaximumName)
        {
            throw call.Fail($"a set's name has at most {KernelSets.MaximumName} characters");
        }

        KernelSet set = call.Names.Set is not { } find
            ? throw call.Fail($"which set '{name}' is can be told only where the kernel's sets are at hand")
            : find(name) ?? throw call.Fail($"the kernel has no set '{name}' (ipset)");
        if (set.Family != 0 && set.Family != (byte)call.Family)
        {
            throw call.Fail($"the set '{name}' is for {(set.Family == (byte)IptablesFamily.Ip ? "IPv4" : "IPv6")}");
        }

        string[] words = sides.Split(',');
        if (words.Length > Dimensions)
        {
            throw call.Fail($"a set has at most {Dimensions} dimensions");
        }

        info.Put16(0, set.Index);
        info[DimensionField] = (byte)words.Length;
        for (int index = 0; index < words.Length; index++)
        {
            bool source = words[index].StartsWith("src", StringComparison.Ordinal);
            if (!source && !words[index].StartsWith("dst", StringComparison.Ordinal))
            {
                throw call.Fail($"'{words[index]}' is neither src nor dst");
            }

            info[FlagsField] |= source ? (byte)(2 << index) : (byte)0;
        }

        info[FlagsField] |= call.Negated ? Inverted : (byte)0;
    }

    /// <summary>Prints an option with the set, where there is one.</summary>
    public static void Print(ReadOnlySpan<byte> info, int offset, string option, SaveWriter writer)
    {
        ReadOnlySpan<byte> reference = info.Slice(offset, Size);
        ushort set = reference.UInt16(0);
        if (set == NoSet)
        {
            return;
        }

        byte flags = reference[FlagsField];
        writer.Not((flags & Inverted) != 0).Write($" --{option} {writer.Names.SetName?.Invoke(set) ?? $"#{set}"}");
        for (int index = 0; index < reference[DimensionField]; index++)
        {
            writer.Write(index == 0 ? " " : ",").Write((flags & (2 << index)) != 0 ? "src" : "dst");
        }
    }

    /// <summary>Sets the reference to no set.</summary>
    public static void Clear(Span<byte> info, int offset) => info.Put16(offset, NoSet);
}
