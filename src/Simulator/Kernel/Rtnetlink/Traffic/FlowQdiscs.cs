using System.Buffers.Binary;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>netem: delay, loss and other misfortunes.</summary>
internal sealed class NetworkEmulatorQdisc() : QdiscKind("netem")
{
    private const int HeadLength = 24;
    private const ushort TCA_NETEM_DELAY_DIST = 2;
    private const ushort TCA_NETEM_REORDER = 3;
    private const ushort TCA_NETEM_LOSS = 5;
    private const ushort TCA_NETEM_ECN = 7;
    private const ushort TCA_NETEM_SLOT = 12;
    private const ushort TCA_NETEM_RATE64 = 8;
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
        long latency = Math.Max(0, (long)(set.U64(TCA_NETEM_LATENCY64) ?? (ulong)BinaryPrimitives.ReadUInt32LittleEndian(options) << 6));
        ulong jitter = set.U64(TCA_NETEM_JITTER64) ?? (ulong)BinaryPrimitives.ReadUInt32LittleEndian(options.AsSpan(20)) << 6;
        if (set.Has(TCA_NETEM_LOSS) || set.Has(TCA_NETEM_SLOT) || set.U32(TCA_NETEM_ECN) is > 0 || set.Has(TCA_NETEM_RATE64))
        {
            return new Verdict(LinuxError.EOPNOTSUPP, "The simulator has no loss models, slots, congestion marks and rates of 4 GiB a second of netem");
        }

        // What a change does not mention stays; but a gap is for packets that overtake, all of them unless it says how many.
        var before = qdisc.Settings as Values;
        short[] distribution = set.Bytes(TCA_NETEM_DELAY_DIST) is { } table ? MemoryMarshal.Cast<byte, short>(table).ToArray() : before?.Distribution ?? [];
        byte[][] kept = [.. Always.Select((one, index) => set.Bytes(one.Type) is { } given && given.Length >= one.Length ? given[..one.Length] : (byte[]?)before?.Others[index].Clone() ?? new byte[one.Length])];
        if (BinaryPrimitives.ReadUInt32LittleEndian(options.AsSpan(12)) != 0 && !set.Has(TCA_NETEM_REORDER))
        {
            kept[1].AsSpan(0, 4).Fill(0xff);
        }

        qdisc.Settings = new Values(options[..HeadLength], (ulong)latency, (ulong)Int128.Min(Int128.Abs((long)jitter), int.MaxValue), kept, distribution);
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

    /// <summary>What was asked for. Chances and correlations are shares of 2^32.</summary>
    /// <param name="Head">struct tc_netem_qopt.</param>
    /// <param name="Latency">Nanoseconds.</param>
    /// <param name="Jitter">Nanoseconds.</param>
    /// <param name="Others">Correlations, reordering, corruption, rate: as they are shown.</param>
    /// <param name="Distribution">How delays are spread, 8192 being one jitter; empty where evenly.</param>
    internal sealed record Values(byte[] Head, ulong Latency, ulong Jitter, byte[][] Others, short[] Distribution)
    {
        public uint Limit => At(Head, 4);

        public uint Loss => At(Head, 8);

        public uint Gap => At(Head, 12);

        public uint Duplicate => At(Head, 16);

        public uint DelayCorrelation => At(Others[0], 0);

        public uint LossCorrelation => At(Others[0], 4);

        public uint DuplicateCorrelation => At(Others[0], 8);

        public uint Reorder => At(Others[1], 0);

        public uint ReorderCorrelation => At(Others[1], 4);

        public uint Corrupt => At(Others[2], 0);

        public uint CorruptCorrelation => At(Others[2], 4);

        /// <summary>Bytes a second; 0 for no limit.</summary>
        public uint Rate => At(Others[3], 0);

        /// <summary>How long a packet takes at the rate, in nanoseconds (packet_time_ns).</summary>
        public long Transmission(uint length)
        {
            long bytes = length + (int)At(Others[3], 4), cell = At(Others[3], 8);
            if (cell > 0)
            {
                long cells = (bytes + cell - 1) / cell;
                bytes = cells * (cell + (int)At(Others[3], 12));
            }

            return bytes * 1_000_000_000 / Rate;
        }

        private static uint At(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));
    }
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

    public override uint Limit(Qdisc qdisc) => ((uint[])qdisc.Settings!)[1];

    public override byte[] OwnStatistics(Qdisc qdisc) => new byte[36];
}
