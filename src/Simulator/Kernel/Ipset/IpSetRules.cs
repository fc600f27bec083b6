using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Nftables.Compat;

namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>The set match and the SET target of xtables (xt_set.c). A reference to a set is its index, the dimensions and the sides.</summary>
internal static class IpSetRules
{
    private const int ReferenceSize = 4;
    private const ushort NoSet = ushort.MaxValue;
    private const int MostDimensions = 6;

    /// <summary>The indexes of the sets a block names.</summary>
    public static IEnumerable<ushort> IndexesIn(Extension extension, ReadOnlyMemory<byte> data)
    {
        int references = extension.Name == "set" ? 1 : extension.Name != "SET" ? 0 : extension.Revision == 3 ? 3 : 2;
        for (int reference = 0; reference < references; reference++)
        {
            ushort index = BinaryPrimitives.ReadUInt16LittleEndian(data.Span[(reference * ReferenceSize)..]);
            if (index != NoSet || extension.Name == "set")
            {
                yield return index;
            }
        }
    }

    /// <summary>Whether every set is there, and is named with dimensions that can be.</summary>
    public static LinuxError Check(Extension extension, byte[] data, IpSetSubsystem sets, string table)
    {
        if (IndexesIn(extension, data).Any(index => sets.Find(index) is null))
        {
            return LinuxError.ENOENT;
        }

        int references = extension.Name == "set" ? 1 : extension.Revision == 3 ? 3 : 2;
        bool maps = references == 3 && BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(8)) != NoSet;
        return maps && table != "mangle" ? LinuxError.EINVAL
            : Enumerable.Range(0, references).Any(reference => data[(reference * ReferenceSize) + 2] > MostDimensions) ? LinuxError.ERANGE
            : LinuxError.None;
    }

    /// <summary>Counts the references of a block up or down.</summary>
    public static void Hold(Extension extension, byte[] data, IpSetSubsystem sets, int change)
    {
        foreach (ushort index in IndexesIn(extension, data))
        {
            if (sets.Find(index) is { } set)
            {
                set.References += change;
            }
        }
    }

    /// <summary>The set match.</summary>
    public static bool Matches(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        const byte Inverted = 1;
        const uint ReturnNoMatch = 128, SkipCounters = 8;
        byte sides = data[3];
        uint flags = extension.Revision >= 3 ? BinaryPrimitives.ReadUInt32LittleEndian(data[40..]) : extension.Revision == 2 && (sides & 128) != 0 ? ReturnNoMatch : 0;
        bool isInverted = (sides & Inverted) != 0;
        IpSetSubsystem sets = context.Stack.Kernel.IpSets;
        if (sets.Find(BinaryPrimitives.ReadUInt16LittleEndian(data)) is not { } set
            || IpSetMatching.Find(set, data[2], sides & 0x7e, (flags & ReturnNoMatch) != 0, context) is not { } element)
        {
            return isInverted;
        }

        if (extension.Revision >= 3)
        {
            // Revision 4 has the value before the operator, revision 3 behind it.
            (int value, int compared) = extension.Revision == 4 ? (0, 8) : (8, 0);
            if (!Holds(data[8..], value, compared, element.Packets) || !Holds(data[24..], value, compared, element.Bytes))
            {
                return isInverted;
            }
        }

        if ((set.Flags & IpSet.WithCounters) != 0 && (flags & SkipCounters) == 0)
        {
            element.Packets++;
            element.Bytes += (ulong)context.Packet.NetworkLength;
        }

        return !isInverted;
    }

    private static bool Holds(ReadOnlySpan<byte> counter, int value, int compared, ulong have)
    {
        ulong wanted = BinaryPrimitives.ReadUInt64LittleEndian(counter[value..]);
        return counter[compared] switch { 1 => have == wanted, 2 => have != wanted, 3 => have < wanted, 4 => have > wanted, _ => true };
    }

    /// <summary>The SET target: adds and deletes.</summary>
    public static void Apply(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        const uint Exist = 1;
        uint flags = extension.Revision switch { 3 => BinaryPrimitives.ReadUInt32LittleEndian(data[12..]), 2 => BinaryPrimitives.ReadUInt32LittleEndian(data[8..]), _ => 0 };
        uint timeout = extension.Revision switch { 3 => BinaryPrimitives.ReadUInt32LittleEndian(data[16..]), 2 => BinaryPrimitives.ReadUInt32LittleEndian(data[12..]), _ => uint.MaxValue };
        IpSetSubsystem sets = context.Stack.Kernel.IpSets;
        for (int reference = 0; reference < 2; reference++)
        {
            ReadOnlySpan<byte> named = data[(reference * ReferenceSize)..];
            if (sets.Find(BinaryPrimitives.ReadUInt16LittleEndian(named)) is not { } set
                || named[2] < set.Type.Parts.Count
                || set.Type.Storage == IpSetStorage.List
                || IpSetMatching.KeyOf(set, named[3] & 0x7e, context) is not { } key)
            {
                continue;
            }

            if (reference == 1)
            {
                set.Elements.Remove(key);
            }
            else
            {
                sets.Add(set, key, new IpSetElement(), timeout == uint.MaxValue ? null : timeout, (flags & Exist) != 0);
            }
        }
    }
}
