using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.NextHopMessage;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_NEWNEXTHOP, RTM_DELNEXTHOP, RTM_GETNEXTHOP and the buckets of resilient groups, RTM_GETNEXTHOPBUCKET; what a request for a new one says is read by NextHopRequest.</summary>
internal sealed class NextHopVerbs(SimulatedKernel kernel, RouteVerbs routes)
{
    private const int HeaderSize = 8;

    private static readonly AttributePolicy Number = new(AttributeKind.U32), Flag = new(AttributeKind.Flag), Nest = new(AttributeKind.Nested);

    private static readonly AttributePolicy Operation = new(AttributeKind.U32) { Mask = DumpStatistics | DumpHardwareStatistics };

    private static readonly PolicyTable DeletePolicy = new(NHA_ID, [(NHA_ID, Number)]) { StrictFrom = 0 };

    private static readonly PolicyTable GetPolicy = new(NHA_OP_FLAGS, [(NHA_ID, Number), (NHA_OP_FLAGS, Operation)]) { StrictFrom = 0 };

    /// <summary>Before 6.9 nothing was counted.</summary>
    private static readonly PolicyTable EarlierDumpPolicy = new(NHA_FDB, [(NHA_OIF, Number), (NHA_GROUPS, Flag), (NHA_MASTER, Number), (NHA_FDB, Flag)]) { StrictFrom = 0 };

    private static readonly PolicyTable DumpPolicy = new(NHA_OP_FLAGS, [(NHA_OIF, Number), (NHA_GROUPS, Flag), (NHA_MASTER, Number), (NHA_FDB, Flag), (NHA_OP_FLAGS, Operation)]) { StrictFrom = 0 };

    private static readonly PolicyTable GetBucketPolicy = new(NHA_RES_BUCKET, [(NHA_ID, Number), (NHA_RES_BUCKET, Nest)]) { StrictFrom = 0 };

    private static readonly PolicyTable DumpBucketPolicy = new(NHA_RES_BUCKET, [(NHA_ID, Number), (NHA_OIF, Number), (NHA_MASTER, Number), (NHA_RES_BUCKET, Nest)]) { StrictFrom = 0 };

    private static readonly PolicyTable IndexPolicy = new(NHA_RES_BUCKET_INDEX, [(NHA_RES_BUCKET_INDEX, new AttributePolicy(AttributeKind.U16))]) { StrictFrom = 0 };

    private static readonly PolicyTable BucketOfPolicy = new(NHA_RES_BUCKET_NH_ID, [(NHA_RES_BUCKET_NH_ID, Number)]) { StrictFrom = 0 };

    private readonly NextHopRequest _request = new(kernel, routes);

    public void Attach(RouteSubsystem subsystem)
    {
        foreach (byte family in (byte[])[AF_UNSPEC, AF_INET, AF_INET6])
        {
            subsystem.Handle(family, RTM_NEWNEXTHOP, New);
            subsystem.HandleDump(family, RTM_GETNEXTHOP, Dump);
        }

        subsystem.Handle(AF_UNSPEC, RTM_DELNEXTHOP, Delete);
        subsystem.Handle(AF_UNSPEC, RTM_GETNEXTHOP, Get);
        subsystem.Handle(AF_UNSPEC, RTM_GETNEXTHOPBUCKET, GetBucket);
        subsystem.HandleDump(AF_UNSPEC, RTM_GETNEXTHOPBUCKET, DumpBuckets);
    }

    private Verdict New(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!_request.TryRead(message, out NumberedNextHop? hop, out ResilientTerms terms, out Verdict verdict))
        {
            return verdict;
        }

        NetlinkMessageFlags request = message.Header.Flags;
        var requester = new Requester(socket, message.Header);
        bool replaces = (request & NetlinkMessageFlags.Replace) != 0;
        if (kernel.NextHops.Find(hop!.Id) is { } known)
        {
            return replaces ? kernel.NextHopControl.Replace(known, hop, terms, requester) : LinuxError.EEXIST;
        }

        if (replaces && (request & NetlinkMessageFlags.Create) == 0)
        {
            return new Verdict(LinuxError.ENOENT, "Replace specified without create and no entry exists");
        }

        if (hop.Group?.Buckets is not null && terms.Buckets is null)
        {
            return new Verdict(LinuxError.EINVAL, "Number of buckets not specified for nexthop group insertion");
        }

        kernel.NextHopControl.Insert(hop, requester);
        return Verdict.Success;
    }

    private bool Counts => kernel.Profile.IsAtLeast(6, 9);

    private Verdict Delete(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryFind(message, DeletePolicy, out NumberedNextHop? hop, out _, out Verdict verdict))
        {
            return verdict;
        }

        kernel.NextHopControl.Remove(hop!, new Requester(socket, message.Header));
        return Verdict.Success;
    }

    private Verdict Get(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryFind(message, Counts ? GetPolicy : DeletePolicy, out NumberedNextHop? hop, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        SocketAnswers.Answer(socket, message, Build(kernel.Profile, hop!, RTM_NEWNEXTHOP, 0, OperationOf(attributes)));
        return Verdict.Success;
    }

    private Verdict GetBucket(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, GetBucketPolicy, out AttributeSet attributes, out Verdict verdict) || !TryId(message, attributes, out uint id, out verdict))
        {
            return verdict;
        }

        if (!attributes.Has(NHA_RES_BUCKET))
        {
            return new Verdict(LinuxError.EINVAL, "Bucket information is missing");
        }

        if (!AttributeSet.TryParse(attributes.Bytes(NHA_RES_BUCKET), attributes.Offset(NHA_RES_BUCKET) + 4, IndexPolicy, AttributeStrictness.Strict, out AttributeSet bucket, out verdict))
        {
            return verdict;
        }

        if (bucket.U16(NHA_RES_BUCKET_INDEX) is not { } index)
        {
            return new Verdict(LinuxError.EINVAL, "Bucket index is missing");
        }

        if (!TryResilient(id, out NumberedNextHop? group, out verdict))
        {
            return verdict;
        }

        if (index >= group!.Group!.Buckets!.Count)
        {
            return new Verdict(LinuxError.ENOENT, "Bucket index out of bounds");
        }

        SocketAnswers.Answer(socket, message, BuildBucket(group, group.Group.Buckets, index, 0));
        return Verdict.Success;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, Counts ? DumpPolicy : EarlierDumpPolicy, out AttributeSet attributes, out Verdict verdict) || !TryFilter(message, attributes, out Filter filter, out verdict))
        {
            return LinkQueries.FailDump(socket, message, verdict);
        }

        uint operation = OperationOf(attributes);
        return Dump(socket, message, kernel.NextHops.All.Where(filter.Passes).Select(hop => Build(kernel.Profile, hop, RTM_NEWNEXTHOP, 0, operation)));
    }

    private Verdict DumpBuckets(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        // Nothing is said of what is wrong with the outer attributes.
        if (!TryParse(message, DumpBucketPolicy, out AttributeSet attributes, out Verdict verdict))
        {
            return LinkQueries.FailDump(socket, message, verdict.Error);
        }

        uint of = 0;
        Filter filter = default;
        NumberedNextHop? only = null;
        bool isRead = TryNumber(attributes, NHA_ID, out uint id, out verdict) && TryBucketOf(attributes, out of, out verdict) && TryFilter(message, attributes, out filter, out verdict)
            && (id == 0 || TryResilient(id, out only, out verdict));
        if (!isRead)
        {
            return LinkQueries.FailDump(socket, message, verdict);
        }

        IEnumerable<NumberedNextHop> groups = only is not null ? [only] : kernel.NextHops.All.Where(static hop => hop.Group?.Buckets is not null);
        return Dump(socket, message, groups.SelectMany(group => Enumerable.Range(0, group.Group!.Buckets!.Count)
            .Where(index => group.Group.Buckets.HopOf(index) is var hop && filter.Passes(hop) && (of == 0 || hop.Id == of))
            .Select(index => BuildBucket(group, group.Group.Buckets, index, 0))));
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message, IEnumerable<byte[]> messages)
    {
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, messages.ToArray()) { DoneRidesAlong = kernel.Profile.IsAtLeast(6, 9) });
        return Verdict.Answered;
    }

    private static bool TryBucketOf(AttributeSet attributes, out uint id, out Verdict verdict)
    {
        id = 0;
        verdict = Verdict.Success;
        return !attributes.Has(NHA_RES_BUCKET)
            || (AttributeSet.TryParse(attributes.Bytes(NHA_RES_BUCKET), attributes.Offset(NHA_RES_BUCKET) + 4, BucketOfPolicy, AttributeStrictness.Strict, out AttributeSet bucket, out verdict)
                && TryNumber(bucket, NHA_RES_BUCKET_NH_ID, out id, out verdict));
    }

    /// <summary>A next hop's number, where one is given; it can't be zero.</summary>
    private static bool TryNumber(AttributeSet attributes, ushort type, out uint id, out Verdict verdict)
    {
        id = attributes.U32(type) ?? 0;
        verdict = attributes.Has(type) && id == 0 ? new Verdict(LinuxError.EINVAL, "Invalid nexthop id") : Verdict.Success;
        return verdict.Error == LinuxError.None;
    }

    private static bool TryFilter(NetlinkMessage message, AttributeSet attributes, out Filter filter, out Verdict verdict)
    {
        uint device = attributes.U32(NHA_OIF) ?? 0, master = attributes.U32(NHA_MASTER) ?? 0;
        ReadOnlySpan<byte> header = message.Payload;
        filter = new Filter(header[0], (int)device, (int)master, attributes.Has(NHA_GROUPS));
        verdict = device > int.MaxValue ? new Verdict(LinuxError.EINVAL, "Invalid device index")
            : master > int.MaxValue ? new Verdict(LinuxError.EINVAL, "Invalid master device index")
            : header[1..HeaderSize].ContainsAnyExcept((byte)0) ? new Verdict(LinuxError.EINVAL, "Invalid values in header for nexthop dump request")
            : Verdict.Success;
        return verdict.Error == LinuxError.None;
    }

    private bool TryResilient(uint id, out NumberedNextHop? group, out Verdict verdict)
    {
        group = kernel.NextHops.Find(id);
        verdict = group is null ? LinuxError.ENOENT
            : group.Group is null ? new Verdict(LinuxError.EINVAL, "Not a nexthop group")
            : group.Group.Buckets is null ? new Verdict(LinuxError.EINVAL, "Nexthop group not of type resilient")
            : Verdict.Success;
        return verdict.Error == LinuxError.None;
    }

    private bool TryFind(NetlinkMessage message, PolicyTable policy, out NumberedNextHop? hop, out AttributeSet attributes, out Verdict verdict)
    {
        hop = null;
        if (!TryParse(message, policy, out attributes, out verdict) || !TryId(message, attributes, out uint id, out verdict))
        {
            return false;
        }

        hop = kernel.NextHops.Find(id);
        verdict = hop is null ? LinuxError.ENOENT : Verdict.Success;
        return hop is not null;
    }

    private static bool TryId(NetlinkMessage message, AttributeSet attributes, out uint id, out Verdict verdict)
    {
        id = attributes.U32(NHA_ID) ?? 0;
        verdict = message.Payload[1..HeaderSize].ContainsAnyExcept((byte)0) ? new Verdict(LinuxError.EINVAL, "Invalid values in header")
            : !attributes.Has(NHA_ID) ? new Verdict(LinuxError.EINVAL, "Nexthop id is missing")
            : id == 0 ? new Verdict(LinuxError.EINVAL, "Invalid nexthop id")
            : Verdict.Success;
        return verdict.Error == LinuxError.None;
    }

    private static uint OperationOf(AttributeSet attributes) => attributes.Bytes(NHA_OP_FLAGS) is { Length: >= 4 } flags ? BinaryPrimitives.ReadUInt32LittleEndian(flags) : 0;

    internal static bool TryParse(NetlinkMessage message, PolicyTable policy, out AttributeSet attributes, out Verdict verdict)
    {
        if (message.Payload.Length < HeaderSize)
        {
            AttributeSet.TryParse([], 0, policy, AttributeStrictness.Liberal, out attributes, out _);
            verdict = new Verdict(LinuxError.EINVAL, "Invalid header length");
            return false;
        }

        return AttributeSet.TryParse(message.Payload[HeaderSize..], 16 + HeaderSize, policy, AttributeStrictness.Strict, out attributes, out verdict);
    }

    /// <summary>Which of all are wanted.</summary>
    private readonly record struct Filter(byte Family, int Device, int Master, bool GroupsOnly)
    {
        public bool Passes(NumberedNextHop hop) =>
            (!GroupsOnly || hop.Group is not null)
            && ((Device == 0 && Master == 0 && Family == AF_UNSPEC)
                || (hop.Way is { } way && (Family == AF_UNSPEC || way.Family == Family)
                    && (Device == 0 || way.Device?.Index == Device) && (Master == 0 || way.Device?.Master?.Index == Master)));
    }
}
