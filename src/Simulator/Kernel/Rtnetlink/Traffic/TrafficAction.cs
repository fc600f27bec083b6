using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>What a filter does with packets: gact (drop, pass, …) and mirred (redirect or copy to another device).</summary>
/// <param name="Kind">TCA_ACT_KIND.</param>
/// <param name="Index">Its number among its kind.</param>
/// <param name="Code">TC_ACT_*: what happens then.</param>
/// <param name="Tail">What follows the common part of its parameters.</param>
internal sealed record TrafficAction(string Kind, uint Index, uint Code, byte[] Tail)
{
    private const ushort Probability = 3;
    private const ushort BlockId = 4;
    private const ushort TCA_ACT_KIND = 1;
    private const ushort TCA_ACT_OPTIONS = 2;
    private const ushort TCA_ACT_STATS = 4;
    private const ushort TCA_ACT_IN_HW_COUNT = 10;
    private const ushort Timestamps = 1;
    private const ushort Parameters = 2;
    private const int CommonLength = 20;
    private static readonly PolicyTable ActionPolicy = new(10, (TCA_ACT_KIND, new(AttributeKind.String)), (TCA_ACT_OPTIONS, new(AttributeKind.Nested)));
    private static readonly PolicyTable OptionPolicy = new(8);

    /// <summary>What it has seen.</summary>
    public TrafficCounters Counters { get; } = new();

    /// <summary>Writes the actions of a filter as a nest of that type.</summary>
    public static void Write(ref NetlinkWriter writer, ushort type, List<TrafficAction> actions)
    {
        if (actions.Count == 0)
        {
            return;
        }

        WireMark all = writer.BeginNested(type, nestedFlag: false);
        for (ushort order = 1; order <= actions.Count; order++)
        {
            WireMark one = writer.BeginNested(order, nestedFlag: false);
            actions[order - 1].Write(ref writer);
            writer.EndAttribute(one);
        }

        writer.EndAttribute(all);
    }

    private void Write(ref NetlinkWriter writer)
    {
        writer.WriteString(TCA_ACT_KIND, Kind);
        WireMark statistics = writer.BeginNested(TCA_ACT_STATS, nestedFlag: false);
        writer.WriteBytes(1, Counters.Basic());
        writer.WriteBytes(7, new byte[16]);
        writer.WriteBytes(3, Counters.Queue());
        writer.EndAttribute(statistics);
        writer.WriteUInt32(TCA_ACT_IN_HW_COUNT, 0);
        WireMark options = writer.BeginNested(TCA_ACT_OPTIONS, nestedFlag: false);
        byte[] shown = new byte[CommonLength + Tail.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(shown, Index);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(8), Code);
        shown[12] = 1;
        shown[16] = 1;
        Tail.CopyTo(shown, CommonLength);
        writer.WriteBytes(Parameters, shown);
        writer.WriteBytes(Timestamps, new byte[32]);
        writer.EndAttribute(options);
    }

    /// <summary>Reads the actions of a request (tcf_action_init).</summary>
    public static Verdict Read(SimulatedKernel kernel, byte[]? nest, HashSet<(string, uint)> taken, out List<TrafficAction> actions)
    {
        actions = [];
        var walk = new AttributeReader(nest);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (!AttributeSet.TryParse(attribute.Value, 0, ActionPolicy, AttributeStrictness.Liberal, out AttributeSet set, out Verdict verdict))
            {
                return verdict;
            }

            if (set.Text(TCA_ACT_KIND) is not { } kind)
            {
                return new Verdict(LinuxError.EINVAL, "TC action kind must be specified");
            }

            if (!kernel.Profile.TrafficActions.Contains(kind))
            {
                return new Verdict(LinuxError.ENOENT, "Failed to load TC action module");
            }

            AttributeSet? options = set.Nest(TCA_ACT_OPTIONS, OptionPolicy, out _);
            int length = kind == "mirred" ? CommonLength + 8 : CommonLength;
            if (options?.Bytes(Parameters) is not { } given || given.Length < length)
            {
                return LinuxError.EINVAL;
            }

            if (options.Has(kind == "mirred" ? BlockId : Probability))
            {
                return new Verdict(LinuxError.EOPNOTSUPP, "The simulator has no blocks of devices and no chances of actions");
            }

            byte[] tail = given[CommonLength..length];
            verdict = kind == "mirred" ? CheckMirror(kernel, tail) : Verdict.Success;
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            uint index = BinaryPrimitives.ReadUInt32LittleEndian(given);
            for (uint next = 1; index == 0; next++)
            {
                index = taken.Contains((kind, next)) ? 0 : next;
            }

            taken.Add((kind, index));
            actions.Add(new TrafficAction(kind, index, BinaryPrimitives.ReadUInt32LittleEndian(given.AsSpan(8)), tail));
        }

        return Verdict.Success;
    }

    private static Verdict CheckMirror(SimulatedKernel kernel, byte[] tail)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(tail) is < 1 or > 4)
        {
            return new Verdict(LinuxError.EINVAL, "Unknown mirred option");
        }

        int target = BinaryPrimitives.ReadInt32LittleEndian(tail.AsSpan(4));
        if (target == 0)
        {
            return new Verdict(LinuxError.EINVAL, "Specified device does not exist");
        }

        return kernel.Devices.Find(target) is null ? LinuxError.ENODEV : Verdict.Success;
    }
}
