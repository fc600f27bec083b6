using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>flower: the headers' fields by name. Tunnels, MPLS, inner VLANs, ranges of ports and connections are refused.</summary>
internal sealed class FlowerClassifier() : ClassifierKind("flower", 1, 3, 22)
{
    private const ushort TCA_FLOWER_KEY_ETH_TYPE = 8;
    private const ushort TCA_FLOWER_IN_HW_COUNT = 86;
    private const ushort Last = 120;

    // Field, its mask's attribute (0: none is shown), its length; in the order of dumps.
    private static readonly (ushort Field, ushort Mask, int Length)[] Fields =
    [
        (4, 5, 6), (6, 7, 6), (8, 0, 2), (23, 0, 2), (24, 0, 1), (25, 0, 2), (9, 0, 1), (73, 74, 1), (75, 76, 1), (10, 11, 4), (12, 13, 4), (14, 15, 16), (16, 17, 16),
        (18, 35, 2), (19, 36, 2), (71, 72, 2), (20, 37, 2), (21, 38, 2), (41, 39, 2), (42, 40, 2), (51, 52, 1), (49, 50, 1), (55, 56, 1), (53, 54, 1),
        (57, 58, 4), (59, 60, 4), (61, 62, 1), (63, 64, 6), (65, 66, 6),
    ];

    // Those, and class, actions, flags.
    private static readonly HashSet<ushort> Known = [1, 3, 22, .. Fields.SelectMany(static field => (ushort[])[field.Field, field.Mask])];

    protected override PolicyTable Policy { get; } = new(120, (1, new(AttributeKind.U32)), (2, new(AttributeKind.String, 15)), (22, new(AttributeKind.U32)));

    protected override Verdict Check(FilterList list, Filter? known, AttributeSet set, ref uint handle)
    {
        for (ushort type = 1; type <= Last; type++)
        {
            if (set.Has(type) && !Known.Contains(type))
            {
                return new Verdict(LinuxError.EOPNOTSUPP, $"The simulator has no flower key {type}");
            }
        }

        handle = known?.Handle ?? (handle == 0 ? Free(list, 1) : handle);
        return Verdict.Success;
    }

    protected override void Take(FilterList list, Filter filter, AttributeSet set)
    {
        filter.Keys.Clear();
        foreach ((ushort field, ushort mask, int length) in Fields)
        {
            if (set.Bytes(field) is { } value && value.Length >= length)
            {
                filter.Keys[field] = value[..length];
                if (mask != 0)
                {
                    byte[] all = new byte[length];
                    all.AsSpan().Fill(0xff);
                    filter.Keys[mask] = set.Bytes(mask) is { } given && given.Length >= length ? given[..length] : all;
                }
            }
        }
    }

    public override bool Matches(Filter filter, Packet packet)
    {
        FlowKeys keys = default;
        bool dissected = false;
        Span<byte> found = stackalloc byte[16];
        foreach ((ushort field, ushort mask, int length) in Fields)
        {
            if (!filter.Keys.TryGetValue(field, out byte[]? wanted))
            {
                continue;
            }

            if (!dissected)
            {
                keys = FlowKeys.Of(packet);
                dissected = true;
            }

            // Where a tag is asked for, its kind stands in the Ethernet type and what it carries in the VLAN's.
            if (field == TCA_FLOWER_KEY_ETH_TYPE && EtherType.IsVlan(BinaryPrimitives.ReadUInt16BigEndian(wanted)))
            {
                if (packet.Tag?.Protocol != BinaryPrimitives.ReadUInt16BigEndian(wanted))
                {
                    return false;
                }

                continue;
            }

            found.Clear();
            keys.Read(field, packet, found);
            byte[]? masks = mask == 0 ? null : filter.Keys[mask];
            for (int i = 0; i < length; i++)
            {
                if (((found[i] ^ wanted[i]) & (masks?[i] ?? 0xff)) != 0)
                {
                    return false;
                }
            }
        }

        return true;
    }

    public override void Write(ref NetlinkWriter writer, Filter filter, KernelProfile profile)
    {
        if (filter.ClassId != 0)
        {
            writer.WriteUInt32(ClassIdAttribute, filter.ClassId);
        }

        foreach ((ushort field, ushort mask, _) in Fields)
        {
            if (filter.Keys.TryGetValue(field, out byte[]? value))
            {
                writer.WriteBytes(field, value);
                if (mask != 0)
                {
                    writer.WriteBytes(mask, filter.Keys[mask]);
                }
            }
        }

        writer.WriteUInt32(FlagsAttribute, filter.Flags);
        writer.WriteUInt32(TCA_FLOWER_IN_HW_COUNT, 0);
        TrafficAction.Write(ref writer, ActionsAttribute, filter.Actions);
    }
}
