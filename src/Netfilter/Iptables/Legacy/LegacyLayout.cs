namespace EucaNet.Netfilter.Iptables.Legacy;

/// <summary>Places in the legacy structures on 64-bit machines (linux/netfilter/x_tables.h, ip_tables.h, ip6_tables.h).</summary>
internal sealed class LegacyLayout
{
    public const int NameSize = 32;
    public const int Hooks = 5;

    // struct ipt_getinfo and ip6t_getinfo
    public const int InfoValidHooks = 32, InfoHookEntry = 36, InfoUnderflow = 56, InfoNumEntries = 76, InfoSize = 80, InfoLength = 84;

    // struct ipt_get_entries
    public const int GetEntriesSize = 32, GetEntriesTable = 40;

    // struct ipt_replace
    public const int ReplaceValidHooks = 32, ReplaceNumEntries = 36, ReplaceSize = 40, ReplaceHookEntry = 44, ReplaceUnderflow = 64,
        ReplaceNumCounters = 84, ReplaceCounters = 88, ReplaceEntries = 96;

    // struct xt_counters_info
    public const int CountersNumber = 32, CountersTable = 40, CounterSize = 16;

    // struct xt_get_revision
    public const int RevisionNameSize = 29, RevisionField = 29, RevisionLength = 30;

    // struct xt_entry_match and xt_entry_target
    public const int BlockHeader = 32, BlockName = 2, BlockNameSize = 29, BlockRevision = 31;

    public const int StandardTargetSize = 40, ErrorTargetSize = 64, ErrorNameSize = 30;
    public const string ErrorTarget = "ERROR";

    // Verdicts of the standard target: -NF_x - 1, and XT_RETURN.
    public const int Drop = -1, Accept = -2, Queue = -4, Return = -5;

    public const byte InvertInput = 1, InvertOutput = 2, InvertSource = 8, InvertDestination = 0x10, InvertFragment = 0x20, InvertProtocol = 0x40;

    // Socket options
    public const int SetReplace = 64, SetAddCounters = 65, GetInfo = 64, GetEntries = 65;

    private LegacyLayout(int address, int header, int revisionMatch, byte gotoFlag)
    {
        AddressSize = address;
        HeaderSize = header;
        GetRevisionMatch = revisionMatch;
        GotoFlag = gotoFlag;
    }

    /// <summary>struct ipt_entry.</summary>
    public static LegacyLayout Ip { get; } = new(4, 112, 66, 2);

    /// <summary>struct ip6t_entry.</summary>
    public static LegacyLayout Ip6 { get; } = new(16, 168, 68, 4);

    public static LegacyLayout Of(IptablesFamily family) => family == IptablesFamily.Ip ? Ip : Ip6;

    public int AddressSize { get; }

    public int HeaderSize { get; }

    public int GetRevisionMatch { get; }

    public int GetRevisionTarget => GetRevisionMatch + 1;

    public byte GotoFlag { get; }

    public bool IsIp => AddressSize == 4;

    public int Input => AddressSize * 4;

    public int Output => Input + 16;

    public int InputMask => Output + 16;

    public int OutputMask => InputMask + 16;

    public int Protocol => OutputMask + 16;

    public int Flags => IsIp ? Protocol + 2 : Protocol + 3;

    public int InvertFlags => Flags + 1;

    public int TargetOffset => IsIp ? 88 : 140;

    public int NextOffset => TargetOffset + 2;

    public int Counters => IsIp ? 96 : 152;
}
