using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.NextHopMessage;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>What an RTM_NEWNEXTHOP says, checked as the kernel checks it: first what can be judged by the message alone, then what needs the machine's devices and next hops.</summary>
internal sealed class NextHopRequest(SimulatedKernel kernel, RouteVerbs routes)
{
    private const ushort Resilient = 1;
    private const int LargestWeight = 254;

    private static readonly TimeSpan UsualIdleTimer = TimeSpan.FromSeconds(120);

    private static readonly (ushort Type, AttributePolicy Policy)[] Attributes =
    [
        (NHA_ID, new AttributePolicy(AttributeKind.U32)),
        (NHA_GROUP, new AttributePolicy(AttributeKind.Binary)),
        (NHA_GROUP_TYPE, new AttributePolicy(AttributeKind.U16)),
        (NHA_BLACKHOLE, new AttributePolicy(AttributeKind.Flag)),
        (NHA_OIF, new AttributePolicy(AttributeKind.U32)),
        (NHA_GATEWAY, new AttributePolicy(AttributeKind.Binary)),
        (NHA_ENCAP_TYPE, new AttributePolicy(AttributeKind.U16)),
        (NHA_ENCAP, new AttributePolicy(AttributeKind.Nested)),
        (NHA_FDB, new AttributePolicy(AttributeKind.Flag)),
        (NHA_RES_GROUP, new AttributePolicy(AttributeKind.Nested)),
    ];

    /// <summary>Before 6.9 nothing was counted.</summary>
    private static readonly PolicyTable EarlierPolicy = new(NHA_RES_GROUP, Attributes) { StrictFrom = 0 };

    private static readonly PolicyTable Policy = new(NHA_HW_STATS_ENABLE, [.. Attributes, (NHA_HW_STATS_ENABLE, new AttributePolicy(AttributeKind.U32, Maximum: 1))]) { StrictFrom = 0 };

    private static readonly PolicyTable TermsPolicy = new(
        NHA_RES_GROUP_UNBALANCED_TIMER,
        [(NHA_RES_GROUP_BUCKETS, new AttributePolicy(AttributeKind.U16)), (NHA_RES_GROUP_IDLE_TIMER, new AttributePolicy(AttributeKind.U32)), (NHA_RES_GROUP_UNBALANCED_TIMER, new AttributePolicy(AttributeKind.U32))]) { StrictFrom = 0 };

    public bool TryRead(NetlinkMessage message, out NumberedNextHop? hop, out ResilientTerms terms, out Verdict verdict)
    {
        hop = null;
        terms = default;
        if (!NextHopVerbs.TryParse(message, kernel.Profile.IsAtLeast(6, 9) ? Policy : EarlierPolicy, out AttributeSet attributes, out verdict))
        {
            return false;
        }

        ReadOnlySpan<byte> header = message.Payload;
        byte family = header[0];
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        verdict = Check(family, flags, header[1] != 0 || header[3] != 0, attributes, ref terms);
        uint id = attributes.U32(NHA_ID) ?? 0;
        if (verdict.Error == LinuxError.None && (message.Header.Flags & NetlinkMessageFlags.Replace) != 0 && id == 0)
        {
            verdict = new Verdict(LinuxError.EINVAL, "Replace requires nexthop id");
        }

        if (verdict.Error != LinuxError.None)
        {
            return false;
        }

        NextHopGroup? group = null;
        NetworkDevice? device = null;
        verdict = attributes.Has(NHA_GROUP) ? TakeGroup(attributes, terms, out group) : CheckDevice(attributes, out device);
        if (verdict.Error != LinuxError.None)
        {
            return false;
        }

        // A number that nobody chose is spent, even where the request fails now.
        hop = new NumberedNextHop(id == 0 ? kernel.NextHops.NextId() : id) { Protocol = header[2], Flags = group is null ? flags : 0, Group = group };
        if (group is null)
        {
            verdict = TakeWay(family, flags, attributes, device, out NextHopWay? way);
            hop.Way = way;
        }
        else if (group.Buckets is { } buckets)
        {
            uint number = hop.Id;
            buckets.Moved = index => kernel.NextHopControl.TellBucket(number, index);
        }

        return verdict.Error == LinuxError.None;
    }

    private Verdict Check(byte family, uint flags, bool hasReserved, AttributeSet attributes, ref ResilientTerms terms)
    {
        if (hasReserved)
        {
            return Invalid("Invalid values in ancillary header");
        }

        if ((flags & ~RTNH_F_ONLINK) != 0)
        {
            return Invalid("Invalid nexthop flags in ancillary header");
        }

        if (family is not (AF_INET or AF_INET6) && !(family == AF_UNSPEC && attributes.Has(NHA_GROUP)))
        {
            return Invalid("Invalid address family");
        }

        if (attributes.Has(NHA_FDB))
        {
            if (attributes.Has(NHA_OIF) || attributes.Has(NHA_BLACKHOLE) || attributes.Has(NHA_ENCAP) || attributes.Has(NHA_ENCAP_TYPE))
            {
                return Invalid("Fdb attribute can not be used with encap, oif or blackhole");
            }

            if (flags != 0)
            {
                return Invalid("Unsupported nexthop flags in ancillary header");
            }
        }

        return attributes.Has(NHA_GROUP) ? CheckGroup(family, attributes, ref terms)
            : attributes.Has(NHA_BLACKHOLE) ? CheckBlackhole(attributes)
            : CheckWay(family, flags, attributes);
    }

    private Verdict CheckGroup(byte family, AttributeSet attributes, ref ResilientTerms terms)
    {
        if (family != AF_UNSPEC)
        {
            return Invalid("Invalid family for group");
        }

        ushort type = attributes.U16(NHA_GROUP_TYPE) ?? 0;
        if (type > Resilient)
        {
            return Invalid("Invalid group type");
        }

        byte[] members = attributes.Bytes(NHA_GROUP)!;
        if (members.Length == 0 || members.Length % 8 != 0)
        {
            return Invalid("Invalid length for nexthop group attribute");
        }

        for (int at = 0; at < members.Length; at += 8)
        {
            byte low = members[at + 4], high = members[at + 5];
            bool isWide = kernel.Profile.HasWideWeights;
            if (members[at + 6] != 0 || members[at + 7] != 0 || (high != 0 && !isWide))
            {
                return Invalid(isWide ? "Reserved field in nexthop_grp must be 0" : "Reserved fields in nexthop_grp must be 0");
            }

            if (isWide ? low == byte.MaxValue && high == byte.MaxValue : low > LargestWeight)
            {
                return Invalid("Invalid value for weight");
            }

            for (int other = at + 8; other < members.Length; other += 8)
            {
                if (members.AsSpan(at, 4).SequenceEqual(members.AsSpan(other, 4)))
                {
                    return Invalid("Nexthop id can not be used twice in a group");
                }
            }
        }

        if (!kernel.Profile.JudgesNextHopsInTwoSteps && TakeGroup(attributes, default, out _) is { Error: not LinuxError.None } refused)
        {
            return refused;
        }

        for (ushort other = NHA_GROUP_TYPE + 1; other <= NHA_HW_STATS_ENABLE; other++)
        {
            if (attributes.Has(other) && other is not (NHA_FDB or NHA_HW_STATS_ENABLE) && !(other == NHA_RES_GROUP && type == Resilient))
            {
                return Invalid("No other attributes can be set in nexthop groups");
            }
        }

        return type == Resilient ? ReadTerms(attributes, out terms) : Verdict.Success;
    }

    private static Verdict ReadTerms(AttributeSet attributes, out ResilientTerms terms)
    {
        terms = default;
        if (attributes.Bytes(NHA_RES_GROUP) is not { } nest)
        {
            return Verdict.Success;
        }

        if (!AttributeSet.TryParse(nest, attributes.Offset(NHA_RES_GROUP) + 4, TermsPolicy, AttributeStrictness.Strict, out AttributeSet given, out Verdict verdict))
        {
            return verdict;
        }

        if (given.U16(NHA_RES_GROUP_BUCKETS) == 0)
        {
            return Invalid("Number of buckets needs to be non-0");
        }

        terms = new ResilientTerms(
            given.U16(NHA_RES_GROUP_BUCKETS),
            given.U32(NHA_RES_GROUP_IDLE_TIMER) is { } idle ? FromTicks(idle) : null,
            given.U32(NHA_RES_GROUP_UNBALANCED_TIMER) is { } unbalanced ? FromTicks(unbalanced) : null);
        return Verdict.Success;
    }

    private static Verdict CheckBlackhole(AttributeSet attributes) =>
        attributes.Has(NHA_GATEWAY) || attributes.Has(NHA_OIF) || attributes.Has(NHA_ENCAP) || attributes.Has(NHA_ENCAP_TYPE) || attributes.Has(NHA_FDB)
            ? Invalid("Blackhole attribute can not be used with gateway, oif, encap or fdb")
            : Verdict.Success;

    private Verdict CheckWay(byte family, uint flags, AttributeSet attributes)
    {
        if (!attributes.Has(NHA_FDB) && !attributes.Has(NHA_OIF))
        {
            return Invalid("Device attribute required for non-blackhole and non-fdb nexthops");
        }

        if (!kernel.Profile.JudgesNextHopsInTwoSteps && CheckDevice(attributes, out _) is { Error: not LinuxError.None } refused)
        {
            return refused;
        }

        if (attributes.Bytes(NHA_GATEWAY) is { } gateway)
        {
            if (gateway.Length != (family == AF_INET ? 4 : 16))
            {
                return Invalid("Invalid gateway");
            }
        }
        else if ((flags & RTNH_F_ONLINK) != 0)
        {
            return Invalid("ONLINK flag can not be set for nexthop without a gateway");
        }

        if (attributes.Has(NHA_ENCAP) != attributes.Has(NHA_ENCAP_TYPE))
        {
            return Invalid(attributes.Has(NHA_ENCAP) ? "LWT encapsulation type is missing" : "LWT encapsulation attribute is missing");
        }

        if (attributes.Has(NHA_HW_STATS_ENABLE))
        {
            return Invalid("Cannot enable nexthop hardware statistics for non-group nexthops");
        }

        return Verdict.Success;
    }

    private Verdict TakeGroup(AttributeSet attributes, ResilientTerms terms, out NextHopGroup? group)
    {
        group = null;
        byte[] bytes = attributes.Bytes(NHA_GROUP)!;
        bool isForFdb = attributes.Has(NHA_FDB);
        byte family = AF_UNSPEC;
        var members = new List<NextHopMember>();
        for (int at = 0; at < bytes.Length; at += 8)
        {
            if (kernel.NextHops.Find(BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at))) is not { } member)
            {
                return Invalid("Invalid nexthop id");
            }

            if (member.Group is { } nested)
            {
                return Invalid(nested.Buckets is not null ? "Resilient group can not be a nexthop within a group"
                    : kernel.Profile.IsAtLeast(6, 12) ? "Hash-threshold group can not be a nexthop within a group"
                    : "Multipath group can not be a nexthop within a group");
            }

            NextHopWay way = member.Way!;
            if (way.IsBlackhole && bytes.Length > 8)
            {
                return Invalid("Blackhole nexthop can not be used in a group with more than 1 path");
            }

            if (way.IsForFdb != isForFdb)
            {
                return Invalid(isForFdb ? "FDB nexthop group can only have fdb nexthops" : "Non FDB nexthop group cannot have fdb nexthops");
            }

            if (isForFdb && family != AF_UNSPEC && family != way.Family)
            {
                return Invalid("FDB nexthop group cannot have mixed family nexthops");
            }

            family = way.Family;
            members.Add(new NextHopMember(member, (bytes[at + 4] | bytes[at + 5] << 8) + 1));
        }

        // A replacement that says no number of buckets keeps those that there are.
        group = new NextHopGroup
        {
            Members = members,
            IsForFdb = isForFdb,
            CountsInHardware = attributes.U32(NHA_HW_STATS_ENABLE) is > 0,
            Buckets = attributes.U16(NHA_GROUP_TYPE) != Resilient ? null : new ResilientBuckets(kernel, terms.Buckets ?? 1)
            {
                IdleTimer = terms.IdleTimer ?? UsualIdleTimer,
                UnbalancedTimer = terms.UnbalancedTimer ?? TimeSpan.Zero,
            },
        };
        return Verdict.Success;
    }

    private Verdict CheckDevice(AttributeSet attributes, out NetworkDevice? device)
    {
        device = null;
        if (attributes.Has(NHA_BLACKHOLE))
        {
            device = kernel.Devices.Find("lo");
            return Verdict.Success;
        }

        if (attributes.Has(NHA_FDB))
        {
            return Verdict.Success;
        }

        device = kernel.Devices.Find((int)attributes.U32(NHA_OIF)!.Value);
        return device is null ? Invalid("Invalid device index")
            : !device.IsUp ? new Verdict(LinuxError.ENETDOWN, "Nexthop device is not up")
            : !device.HasCarrier ? new Verdict(LinuxError.ENETDOWN, "Carrier for nexthop device is down")
            : Verdict.Success;
    }

    private Verdict TakeWay(byte family, uint flags, AttributeSet attributes, NetworkDevice? device, out NextHopWay? way)
    {
        bool isHole = attributes.Has(NHA_BLACKHOLE), isForFdb = attributes.Has(NHA_FDB);
        InternetAddress? gateway = attributes.Bytes(NHA_GATEWAY) is { } bytes && InternetAddress.Read(family, bytes) is { IsAny: false } given ? given : null;
        way = new NextHopWay
        {
            Family = family,
            IsBlackhole = isHole,
            IsForFdb = isForFdb,
            Device = device,

            // Far ends of tunnels over IPv6 are shown even where none was said.
            Gateway = gateway ?? (isForFdb && family == AF_INET6 ? InternetAddress.Any(family) : null),
            Scope = RT_SCOPE_LINK,
            Encapsulation = attributes.Bytes(NHA_ENCAP) is { } encapsulation ? (attributes.U16(NHA_ENCAP_TYPE)!.Value, encapsulation) : null,
        };
        if (device is null)
        {
            return Verdict.Success;
        }

        if (family == AF_INET6)
        {
            return kernel.Inet6.IsDisabled(device) ? new Verdict(LinuxError.EACCES, "IPv6 is disabled on nexthop device") : Verdict.Success;
        }

        Verdict verdict = routes.CheckHop(new NextHop { Device = device, Gateway = gateway }, (byte)flags, ForwardingTables.Main, RT_SCOPE_UNIVERSE, out _);
        bool isOnLink = (flags & RTNH_F_ONLINK) != 0;
        way = way with { Scope = gateway is null ? RT_SCOPE_HOST : isOnLink ? RT_SCOPE_LINK : kernel.RouteControl.Lookup(gateway.Value, device, RT_SCOPE_LINK)?.Scope ?? RT_SCOPE_LINK };
        return verdict;
    }

    private static Verdict Invalid(string words) => new(LinuxError.EINVAL, words);
}
