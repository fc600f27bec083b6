using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER (net/sched/cls_api.c).</summary>
internal sealed class FilterVerbs(SimulatedKernel kernel)
{
    private const string NoChain = "Cannot find specified filter chain";
    private const string NoFilter = "Filter with specified priority/protocol not found";
    private const string OtherKind = "Specified filter kind does not match existing one";
    private readonly HashSet<(string Kind, uint Index)> _actions = [];

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_UNSPEC, RTM_NEWTFILTER, New);
        subsystem.Handle(AF_UNSPEC, RTM_DELTFILTER, Delete);
        subsystem.Handle(AF_UNSPEC, RTM_GETTFILTER, Get);
        subsystem.HandleDump(AF_UNSPEC, RTM_GETTFILTER, Dump);
    }

    /// <summary>Where the filters of a request stand.</summary>
    private sealed record Place(NetworkDevice Device, uint Parent, FilterBlock Block, uint Chain, ushort Priority, ushort Protocol);

    /// <summary>Finds device, qdisc, class and list (__tcf_qdisc_find and after).</summary>
    private static Verdict Find(NetworkDevice device, TrafficHeader header, AttributeSet attributes, out Place place)
    {
        place = null!;
        uint parent = header.Parent;
        Qdisc? qdisc;
        if (parent == 0)
        {
            qdisc = device.Traffic.Root;
            parent = qdisc.Handle;
        }
        else
        {
            qdisc = device.Traffic.Find(Major(parent));
            if (qdisc is null)
            {
                return new Verdict(LinuxError.EINVAL, "Parent Qdisc doesn't exists");
            }
        }

        if (!qdisc.Kind.IsClassful)
        {
            return new Verdict(LinuxError.EINVAL, "Qdisc not classful");
        }

        if (!qdisc.Kind.HasFilters)
        {
            return new Verdict(LinuxError.EOPNOTSUPP, "Class doesn't support blocks");
        }

        TrafficClass? one = null;
        if (Minor(parent) != 0)
        {
            one = qdisc.Kind.FindClass(qdisc, parent);
            if (one is null)
            {
                return new Verdict(LinuxError.ENOENT, "Specified class doesn't exist");
            }
        }

        if (qdisc.Kind.Filters(qdisc, parent, one) is not { } block)
        {
            return LinuxError.EINVAL;
        }

        place = new Place(device, parent, block, attributes.U32(TCA_CHAIN) ?? 0, (ushort)(header.Info >> 16), (ushort)header.Info);
        return Verdict.Success;
    }

    /// <summary>The list at a priority; where another kind of packets has it, that is refused (tcf_chain_tp_find).</summary>
    private static LinuxError FindList(List<FilterList>? chain, ushort priority, ushort protocol, bool isChosen, out FilterList? list)
    {
        list = isChosen ? null : chain?.Find(one => one.Priority == priority);
        if (list is null || protocol == 0 || list.Protocol == protocol)
        {
            return LinuxError.None;
        }

        list = null;
        return LinuxError.ENOSPC;
    }

    private Verdict New(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!QdiscVerbs.TryParse(kernel, message, out TrafficHeader header, out AttributeSet attributes, out NetworkDevice device, out Verdict verdict))
        {
            return verdict;
        }

        NetlinkMessageFlags flags = message.Header.Flags;
        bool creates = (flags & NetlinkMessageFlags.Create) != 0;
        ushort priority = (ushort)(header.Info >> 16);
        bool isChosen = priority == 0;
        if (isChosen && !creates)
        {
            return new Verdict(LinuxError.ENOENT, "Invalid filter command with priority of zero");
        }

        verdict = Find(device, header, attributes, out Place place);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        List<FilterList>? chain = place.Block.Chains.GetValueOrDefault(place.Chain);
        LinuxError conflict = FindList(chain, priority, place.Protocol, isChosen, out FilterList? list);
        if (conflict != LinuxError.None)
        {
            return new Verdict(conflict, NoFilter);
        }

        string? name = attributes.Text(TCA_KIND);
        bool isNew = list is null;
        if (list is null)
        {
            if (name is null || place.Protocol == 0)
            {
                return new Verdict(LinuxError.EINVAL, "Filter kind and protocol must be specified");
            }

            if (!creates)
            {
                return new Verdict(LinuxError.ENOENT, "Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter");
            }

            if (!kernel.Profile.Classifiers.Contains(name) || Classifiers.Find(name) is not { } kind)
            {
                return new Verdict(LinuxError.ENOENT, "TC classifier not found");
            }

            if (isChosen)
            {
                // One above the lowest of those that were chosen so, or the first of them.
                FilterList? next = chain?.Find(static one => one.Priority > 0x8000);
                priority = (ushort)((next?.Priority ?? 0xc001) - 1);
            }

            list = new FilterList(kind, place.Chain, priority, place.Protocol);
            kind.Begin(place.Block, list);
        }
        else if (name is not null && name != list.Kind.Name)
        {
            return new Verdict(LinuxError.EINVAL, OtherKind);
        }

        Filter? filter = header.Handle == 0 ? null : list.ByHandle.GetValueOrDefault(header.Handle);
        if (filter is null && !creates)
        {
            return new Verdict(LinuxError.ENOENT, "Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter");
        }

        if (filter is not null && (flags & NetlinkMessageFlags.Exclusive) != 0)
        {
            return new Verdict(LinuxError.EEXIST, "Filter already exists");
        }

        verdict = list.Kind.Change(kernel, list, header.Handle, attributes.Bytes(TCA_OPTIONS), attributes.Offset(TCA_OPTIONS) + 4, _actions, ref filter);
        if (verdict.Error != LinuxError.None)
        {
            place.Block.ForgetTables();
            return verdict;
        }

        if (isNew)
        {
            if (chain is null)
            {
                place.Block.Chains.Add(place.Chain, chain = []);
            }

            int at = chain.FindIndex(one => one.Priority > list.Priority);
            chain.Insert(at < 0 ? chain.Count : at, list);
        }

        Publish(place, list, filter, RTM_NEWTFILTER, new Requester(socket, message.Header));
        return verdict;
    }

    private Verdict Delete(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!QdiscVerbs.TryParse(kernel, message, out TrafficHeader header, out AttributeSet attributes, out NetworkDevice device, out Verdict verdict))
        {
            return verdict;
        }

        bool isFlush = header.Info >> 16 == 0;
        if (isFlush && ((ushort)header.Info != 0 || header.Handle != 0 || attributes.Has(TCA_KIND)))
        {
            return new Verdict(LinuxError.ENOENT, "Cannot flush filters with protocol, handle or kind set");
        }

        verdict = Find(device, header, attributes, out Place place);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        var requester = new Requester(socket, message.Header);
        if (!place.Block.Chains.TryGetValue(place.Chain, out List<FilterList>? chain))
        {
            return isFlush ? Verdict.Success : new Verdict(LinuxError.ENOENT, NoChain);
        }

        if (isFlush)
        {
            foreach (FilterList gone in chain.ToArray())
            {
                Remove(place, gone, requester);
            }

            return Verdict.Success;
        }

        LinuxError conflict = FindList(chain, place.Priority, place.Protocol, false, out FilterList? list);
        if (list is null)
        {
            return new Verdict(conflict == LinuxError.None ? LinuxError.ENOENT : conflict, NoFilter);
        }

        if (attributes.Text(TCA_KIND) is { } kind && kind != list.Kind.Name)
        {
            return new Verdict(LinuxError.EINVAL, OtherKind);
        }

        if (header.Handle == 0)
        {
            Remove(place, list, requester);
            return Verdict.Success;
        }

        if (!list.ByHandle.Remove(header.Handle, out Filter? filter))
        {
            return new Verdict(LinuxError.ENOENT, "Specified filter handle not found");
        }

        Publish(place, list, filter, RTM_DELTFILTER, requester);
        Release(filter);
        if (list.ByHandle.Count == 0)
        {
            place.Block.Remove(place.Chain, list);
        }

        return Verdict.Success;
    }

    private void Remove(Place place, FilterList list, Requester requester)
    {
        place.Block.Remove(place.Chain, list);
        foreach (Filter filter in list.Filters)
        {
            Release(filter);
        }

        Publish(place, list, null, RTM_DELTFILTER, requester);
    }

    private void Release(Filter filter) => filter.Actions.ForEach(action => _actions.Remove((action.Kind, action.Index)));

    private Verdict Get(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!QdiscVerbs.TryParse(kernel, message, out TrafficHeader header, out AttributeSet attributes, out NetworkDevice device, out Verdict verdict))
        {
            return verdict;
        }

        if (header.Info >> 16 == 0)
        {
            return new Verdict(LinuxError.ENOENT, "Invalid filter command with priority of zero");
        }

        verdict = Find(device, header, attributes, out Place place);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        if (!place.Block.Chains.TryGetValue(place.Chain, out List<FilterList>? chain))
        {
            return new Verdict(LinuxError.EINVAL, NoChain);
        }

        LinuxError conflict = FindList(chain, place.Priority, place.Protocol, false, out FilterList? list);
        if (list is null)
        {
            return new Verdict(conflict == LinuxError.None ? LinuxError.ENOENT : conflict, NoFilter);
        }

        if (attributes.Text(TCA_KIND) is { } kind && kind != list.Kind.Name)
        {
            return new Verdict(LinuxError.EINVAL, OtherKind);
        }

        if (!list.ByHandle.TryGetValue(header.Handle, out Filter? filter))
        {
            return new Verdict(LinuxError.ENOENT, "Specified filter handle not found");
        }

        SocketAnswers.Answer(socket, message, Build(place, list, filter, RTM_NEWTFILTER, new Requester(socket, message.Header)));
        return Verdict.Success;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        IEnumerable<byte[]> messages = [];
        if (message.Payload.Length >= TrafficHeader.Size
            && QdiscVerbs.TryParse(kernel, message, out TrafficHeader header, out AttributeSet attributes, out NetworkDevice device, out _)
            && Find(device, header, attributes, out Place place).Error == LinuxError.None)
        {
            uint? only = attributes.U32(TCA_CHAIN);
            messages = place.Block.Chains.Where(chain => only is null || chain.Key == only).SelectMany(static chain => chain.Value)
                .Where(list => (place.Priority == 0 || list.Priority == place.Priority) && (place.Protocol == 0 || list.Protocol == place.Protocol))
                .SelectMany(list => All(place, list)).ToArray();
        }

        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, messages));
        return Verdict.Answered;

        static IEnumerable<byte[]> All(Place place, FilterList list)
        {
            yield return Build(place, list, null, RTM_NEWTFILTER, null);
            foreach (FilterList walked in list.Kind.Walked(place.Block, list))
            {
                if (walked.Root != 0)
                {
                    yield return Build(place, list, null, RTM_NEWTFILTER, null, walked.Root);
                }

                foreach (Filter filter in walked.Filters)
                {
                    yield return Build(place, list, filter, RTM_NEWTFILTER, null);
                }
            }
        }
    }

    private void Publish(Place place, FilterList list, Filter? filter, ushort type, Requester requester) =>
        kernel.RouteEvents.Publish(RTNLGRP_TC, Build(place, list, filter, type, requester), requester);

    private static byte[] Build(Place place, FilterList list, Filter? filter, ushort type, Requester? requester, uint table = 0)
    {
        var buffer = new NetlinkBuffer(1024);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, requester?.Header.Flags ?? 0, requester?.Sequence ?? 0, requester?.PortId ?? 0);
        new TrafficHeader(place.Device.Index, filter?.Handle ?? table, place.Parent, list.Info).Write(ref writer);
        writer.WriteString(TCA_KIND, list.Kind.Name);
        writer.WriteUInt32(TCA_CHAIN, list.Chain);
        if (table != 0)
        {
            list.Kind.WriteTable(ref writer);
        }
        else if (filter is not null)
        {
            WireMark options = writer.BeginNested(TCA_OPTIONS, nestedFlag: false);
            list.Kind.Write(ref writer, filter, place.Device.Kernel.Profile);
            writer.EndAttribute(options);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
