using System.Buffers.Binary;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink.Traffic;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Datapath.Traffic;

/// <summary>Filters of traffic control on packets: which one matches, and what its actions do (tcf_classify, tcf_action_exec).</summary>
internal sealed class TrafficFilters(NetworkStack stack)
{
    private const int MostTurns = 16, DeepestMirror = 4;

    private int _mirrored;

    /// <summary>A packet comes in by a device (sch_handle_ingress). False: it ends here.</summary>
    public bool Arrives(NetworkDevice device, Packet packet)
    {
        // What it sends on meets no egress rules; what went on from a filter at egress does again (nf_skip_egress).
        packet.SkipsEgressRules = true;
        bool passes = device.Traffic.Ingress is not { } ingress
            || Passes(device, ingress, ingress.Kind.Name == "ingress" ? 0 : TC_H_MIN_INGRESS, packet, arriving: true) == TC_ACT_OK;
        packet.SkipsEgressRules = false;
        return passes;
    }

    /// <summary>A packet leaves by a device (sch_handle_egress): TC_ACT_OK, TC_ACT_SHOT, or TC_ACT_STOLEN.</summary>
    public int Leaves(NetworkDevice device, Packet packet)
    {
        if (device.Traffic.Ingress is not { Kind.Name: "clsact" } ingress)
        {
            return TC_ACT_OK;
        }

        packet.SkipsEgressRules = true;
        int verdict = Passes(device, ingress, TC_H_MIN_EGRESS, packet, arriving: false);
        packet.SkipsEgressRules = false;
        return verdict;
    }

    /// <summary>Asks the filters of one place. A negative result: none has matched.</summary>
    public int Classify(FilterBlock block, NetworkDevice device, Packet packet, bool arriving, out uint classId)
    {
        classId = 0;
        uint chain = 0;
        ushort protocol = packet.Tag?.Protocol ?? packet.Protocol;
        for (int turn = 0; turn <= MostTurns; turn++)
        {
            int verdict = TC_ACT_UNSPEC;
            foreach (FilterList list in block.Chains.TryGetValue(chain, out List<FilterList>? lists) ? lists : [])
            {
                ushort wanted = BinaryPrimitives.ReverseEndianness(list.Protocol);
                if (wanted == EthernetAll || wanted == protocol)
                {
                    verdict = Ask(list, device, packet, arriving, ref classId);
                    if (verdict >= 0)
                    {
                        break;
                    }
                }
            }

            if (verdict == TC_ACT_RECLASSIFY)
            {
                continue;
            }

            if (verdict >> ExtendedShift != TC_ACT_GOTO_CHAIN)
            {
                return verdict;
            }

            chain = (uint)verdict & ((1 << ExtendedShift) - 1);
        }

        return TC_ACT_SHOT;
    }

    private int Passes(NetworkDevice device, Qdisc ingress, uint place, Packet packet, bool arriving)
    {
        if (!ingress.Blocks.TryGetValue(place, out FilterBlock? block) || !block.Chains.ContainsKey(0))
        {
            return TC_ACT_OK;
        }

        ingress.Counters.Passed(Length(packet, arriving));
        int verdict = Classify(block, device, packet, arriving, out _);
        switch (verdict)
        {
            case TC_ACT_SHOT:
                ingress.Counters.Drops++;
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"by a filter at {(arriving ? "ingress" : "egress")} of {device.Name}");
                return verdict;
            case TC_ACT_STOLEN or TC_ACT_QUEUED or TC_ACT_TRAP:
                return TC_ACT_STOLEN;
            default:
                return TC_ACT_OK;
        }
    }

    private int Ask(FilterList list, NetworkDevice device, Packet packet, bool arriving, ref uint classId)
    {
        foreach (Filter filter in list.Filters)
        {
            if ((filter.Flags & TCA_CLS_FLAGS_SKIP_SW) != 0 || !list.Kind.Matches(filter, packet))
            {
                continue;
            }

            int verdict = Act(filter, device, packet, arriving);
            if (verdict >= 0)
            {
                classId = filter.ClassId;
                return verdict;
            }
        }

        return TC_ACT_UNSPEC;
    }

    private int Act(Filter filter, NetworkDevice device, Packet packet, bool arriving)
    {
        int verdict = TC_ACT_OK;
        for (int index = 0, turns = 0; index < filter.Actions.Count && turns < 32; turns++)
        {
            TrafficAction action = filter.Actions[index];
            verdict = action.Kind == "mirred" ? Mirror(action, device, packet, arriving) : (int)action.Code;
            action.Counters.Passed(Length(packet, arriving));
            if (verdict == TC_ACT_SHOT && action.Kind != "mirred")
            {
                action.Counters.Drops++;
            }

            if (verdict >> ExtendedShift == TC_ACT_JUMP)
            {
                index = verdict & ((1 << ExtendedShift) - 1);
                verdict = TC_ACT_OK;
                continue;
            }

            if (verdict == TC_ACT_REPEAT)
            {
                continue;
            }

            if (verdict != TC_ACT_PIPE)
            {
                break;
            }

            index++;
        }

        return verdict;
    }

    // tcf_mirred_act: to another device, as if the packet left by it or came in by it.
    private int Mirror(TrafficAction action, NetworkDevice device, Packet packet, bool arriving)
    {
        uint how = BinaryPrimitives.ReadUInt32LittleEndian(action.Tail);
        bool redirects = how is TCA_EGRESS_REDIR or TCA_INGRESS_REDIR, comesIn = how is TCA_INGRESS_REDIR or TCA_INGRESS_MIRROR;
        int unable = redirects ? TC_ACT_SHOT : (int)action.Code;
        if (_mirrored == DeepestMirror)
        {
            action.Counters.Overlimits++;
            return TC_ACT_SHOT;
        }

        if (stack.Kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(action.Tail.AsSpan(4))) is not { IsUp: true, HasCarrier: true } target)
        {
            action.Counters.Overlimits++;
            return unable;
        }

        Packet sent = packet.Clone();
        sent.Connection = null;
        sent.ConnectionInfo = default;
        sent.Untracked = false;
        sent.InputInterface = device.Index;
        packet.Tell(StoryKind.Decision, TraceLevel.Minimal, stack.HostName, $"{(redirects ? "redirected" : "mirrored")} to {target.Name}");
        sent.Story = packet.Story;
        _mirrored++;
        if (!comesIn)
        {
            stack.Link.Transmit(target, sent);
        }
        else if (arriving)
        {
            stack.Link.PassOn(target, sent);
        }
        else
        {
            stack.Link.Enqueue(target, sent);
        }

        _mirrored--;
        return redirects ? TC_ACT_STOLEN : (int)action.Code;
    }

    // While a packet climbs its ethernet header is taken off.
    private static uint Length(Packet packet, bool arriving) => (uint)(arriving ? packet.NetworkLength : packet.Frame.Length);
}
