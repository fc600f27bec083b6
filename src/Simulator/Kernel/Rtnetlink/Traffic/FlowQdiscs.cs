using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>netem: delay, loss and other misfortunes.</summary>
internal sealed class NetworkEmulatorQdisc() : QdiscKind("netem")
{
    private const int HeadLength = 24;
    private const ushort TCA_NETEM_LATENCY64 = 10;
    private const ushort TCA_NETEM_JITTER64 = 11;

    // Correlations, reordering, corruption and rate: type and length of what is shown whether set or not.
    private static readonly (ushort Type, int Length)[] Always = [(1, 12), (3, 8), (4, 8), (6, 16)];
    private static readonly PolicyTable Policy = new(14, (10, new(AttributeKind.S64)), (11, new(AttributeKind.S64)));

    public override bool IsClassful => true;

    public override byte[] LeastOptions => new byte[HeadLength];

    public override Verdict Initialise(Qdisc qdisc, byte[]? options, int offset) => options is null ? LinuxError.EINVAL : Change(qdisc, options, offset);

    public override Verdict Change(Qdisc qdisc, byte[] options, int offset)
    {
        if (options.Length < HeadLength || !AttributeSet.TryParse(options.AsSpan(HeadLength), offset + HeadLength, Policy, AttributeStrictness.Liberal, out AttributeSet set, out _))
        {
            return LinuxError.EINVAL;
        }

        // Delays in the head are in ticks of 64 ns.
        ulong latency = set.U64(TCA_NETEM_LATENCY64) ?? (ulong)BinaryPrimitives.ReadUInt32LittleEndian(options) << 6;
        ulong jitter = set.U64(TCA_NETEM_JITTER64) ?? (ulong)BinaryPrimitives.ReadUInt32LittleEndian(options.AsSpan(20)) << 6;
        byte[][] kept = [.. Always.Select(one => set.Bytes(one.Type) is { } given && given.Length >= one.Length ? given[..one.Length] : new byte[one.Length])];
        qdisc.Settings = new Values(options[..HeadLength], latency, jitter, kept);
        return Verdict.Success;
    }

    public override void WriteOptions(ref NetlinkWriter writer, Qdisc qdisc)
    {
        var values = (Values)qdisc.Settings!;
        WireMark options = writer.BeginNested(TCA_OPTIONS, nestedFlag: false);
        writer.Append(values.Head);
        writer.WriteUInt64(TCA_NETEM_LATENCY64, values.Latency);
        writer.WriteUInt64(TCA_NETEM_JITTER64, values.Jitter);
        for (int index = 0; index < Always.Length; index++)
        {
            writer.WriteBytes(Always[index].Type, values.Others[index]);
        }

        if (qdisc.Device.Kernel.Profile.IsAtLeast(6, 6))
        {
            // The seed of its dice, of which only the length is of note.
            writer.WriteUInt64(14, 0);
        }

        writer.EndAttribute(options);
    }

    public override TrafficClass? FindClass(Qdisc qdisc, uint id) => null;

    private sealed record Values(byte[] Head, ulong Latency, ulong Jitter, byte[][] Others);
}

/// <summary>codel: one queue kept short.</summary>
internal sealed class CodelQdisc() : QdiscKind("codel")
{
    private static readonly PolicyTable Policy = new(
        5, (1, new(AttributeKind.U32)), (2, new(AttributeKind.U32)), (3, new(AttributeKind.U32)), (4, new(AttributeKind.U32)), (5, new(AttributeKind.U32)));

    public override Verdict Initialise(Qdisc qdisc, byte[]? options, int offset)
    {
        qdisc.Settings = new uint[] { 4999, 1000, 99999, 0 };
        return options is null ? Verdict.Success : Change(qdisc, options, offset);
    }

    public override Verdict Change(Qdisc qdisc, byte[] options, int offset)
    {
        if (!AttributeSet.TryParse(options, offset, Policy, AttributeStrictness.Liberal, out AttributeSet set, out Verdict verdict))
        {
            return verdict;
        }

        uint[] values = (uint[])qdisc.Settings!;
        values[0] = set.U32(1) is { } target ? FairCodelQdisc.Shorten(target) : values[0];
        values[1] = set.U32(2) ?? values[1];
        values[2] = set.U32(3) is { } interval ? FairCodelQdisc.Shorten(interval) : values[2];
        values[3] = set.U32(4) is { } ecn ? Math.Min(1, ecn) : values[3];
        return Verdict.Success;
    }

    public override void WriteOptions(ref NetlinkWriter writer, Qdisc qdisc)
    {
        WireMark options = writer.BeginNested(TCA_OPTIONS, nestedFlag: false);
        uint[] values = (uint[])qdisc.Settings!;
        for (ushort type = 1; type <= values.Length; type++)
        {
            writer.WriteUInt32(type, values[type - 1]);
        }

        writer.EndAttribute(options);
    }

    public override byte[] OwnStatistics(Qdisc qdisc) => new byte[36];
}
