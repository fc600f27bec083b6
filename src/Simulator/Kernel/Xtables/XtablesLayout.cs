using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Xtables;

/// <summary>Where things are in the structures of ip_tables and ip6_tables (linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h).</summary>
internal sealed record XtablesLayout
{
    public const int HookCount = 5, NameSize = 32, InfoSize = 84, EntriesHeader = 40, RevisionSize = 30, ReplaceHeader = 96, CountersHeader = 40, CounterSize = 16;

    /// <summary>Offsets in struct ipt_replace.</summary>
    public const int ReplaceHooks = 32, ReplaceNumber = 36, ReplaceSize = 40, ReplaceEntries = 44, ReplaceUnderflows = 64, ReplaceCounters = 84, ReplacePointer = 88;

    /// <summary>Sizes of struct xt_entry_target (and xt_entry_match), xt_standard_target, xt_error_target.</summary>
    public const int ExtensionHeader = 32, StandardTarget = 40, ErrorTarget = 64;

    public const string ErrorName = "ERROR";

    public const int SetReplace = 64, SetAddCounters = 65, GetInfo = 64, GetEntries = 65, IpSet = 83;

    /// <summary>XT_RETURN.</summary>
    public const int Return = -NF_REPEAT - 1;

    private const int NF_REPEAT = 4;

    public static XtablesLayout Ipv4 { get; } = new()
    {
        Family = NFPROTO_IPV4,
        Address = 4,
        InputName = 16,
        Protocol = 80,
        Flags = 82,
        KnownFlags = 3,
        GotoFlag = 2,
        HeaderSize = 84,
        TargetOffset = 88,
        ComeFrom = 92,
        Counters = 96,
        EntrySize = 112,
        GetRevisionMatch = 66,
        GetRevisionTarget = 67,
    };

    public static XtablesLayout Ipv6 { get; } = new()
    {
        Family = NFPROTO_IPV6,
        Address = 16,
        InputName = 64,
        Protocol = 128,
        Flags = 131,
        KnownFlags = 7,
        GotoFlag = 4,
        HeaderSize = 136,
        TargetOffset = 140,
        ComeFrom = 144,
        Counters = 152,
        EntrySize = 168,
        GetRevisionMatch = 68,
        GetRevisionTarget = 69,
    };

    /// <summary>NFPROTO_*.</summary>
    public required byte Family { get; init; }

    /// <summary>Bytes of an address; source, destination and their masks stand first.</summary>
    public required int Address { get; init; }

    /// <summary>Names of input and output device, then their masks, sixteen bytes each.</summary>
    public required int InputName { get; init; }

    public required int Protocol { get; init; }

    /// <summary>A byte of flags; behind it that of inversions.</summary>
    public required int Flags { get; init; }

    public required byte KnownFlags { get; init; }

    public required byte GotoFlag { get; init; }

    /// <summary>Bytes of what a packet's header is compared with.</summary>
    public required int HeaderSize { get; init; }

    /// <summary>Offset of the target; behind it that of the next entry.</summary>
    public required int TargetOffset { get; init; }

    public required int ComeFrom { get; init; }

    public required int Counters { get; init; }

    public required int EntrySize { get; init; }

    public required int GetRevisionMatch { get; init; }

    public required int GetRevisionTarget { get; init; }
}
