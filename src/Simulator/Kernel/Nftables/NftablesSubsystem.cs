using EucaNet.Netfilter;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Netfilter;
using EucaNet.Simulator.Kernel.Nftables.Compat;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>
/// nf_tables (nf_tables_api.c): the tables of one namespace and the verbs that change and show them. Each kind of object has its
/// own part of this class; here is what all verbs share: which verb is which, the generation, the batch under way.
/// </summary>
internal sealed partial class NftablesSubsystem(SimulatedKernel kernel)
{
    private readonly List<Table> _tables = [];
    private ulong _lastTableHandle;
    private ulong _lastChainName;
    private Transaction _transaction = new();

    public SimulatedKernel Kernel { get; } = kernel;

    /// <summary>The lists of the recent match by name: addresses and when each was seen.</summary>
    public Dictionary<string, Dictionary<string, List<DateTimeOffset>>> RecentLists { get; } = [];

    /// <summary>The tables of the hashlimit match by family and name.</summary>
    public Dictionary<(byte Family, string Name), HashLimitTable> HashLimits { get; } = [];

    /// <summary>Counts commits; never 0.</summary>
    public uint Generation { get; private set; } = 1;

    /// <summary>The batch under way.</summary>
    public Transaction Transaction => _transaction;

    /// <summary>Tables that are not deleted, oldest first.</summary>
    public IEnumerable<Table> Tables => _tables.Where(table => !table.IsDeleted);

    /// <summary>Now, in milliseconds of the virtual clock.</summary>
    public long Now => (long)Kernel.Clock.Elapsed.TotalMilliseconds;

    private ushort ResourceId => (ushort)Generation;

    /// <summary>Handles one message and returns its errno; EINTR says that a dump was begun.</summary>
    public LinuxError Handle(NetfilterMessage message, bool isBatch)
    {
        int verb = message.Header.Type & 0xff;
        if (PolicyOf(verb) is not { } policy || IsChange(verb) != isBatch)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = message.Parse(policy, out ParsedAttributes attributes, isBatch && !Kernel.Profile.IsAtLeast(6, 13) ? null : message.Acknowledgement);
        if (error != LinuxError.None)
        {
            return error;
        }

        var context = new NftContext(this, message.Socket, message.Header, message.Family.Family, attributes, message.Acknowledgement);
        return verb switch
        {
            NFT_MSG_NEWTABLE => NewTable(context),
            NFT_MSG_GETTABLE => GetTable(context),
            NFT_MSG_DELTABLE or NFT_MSG_DESTROYTABLE => DeleteTable(context),
            NFT_MSG_NEWCHAIN => NewChain(context),
            NFT_MSG_GETCHAIN => GetChain(context),
            NFT_MSG_DELCHAIN or NFT_MSG_DESTROYCHAIN => DeleteChain(context),
            NFT_MSG_NEWRULE => NewRule(context),
            NFT_MSG_GETRULE => GetRule(context, reset: false),
            NFT_MSG_GETRULE_RESET => GetRule(context, reset: true),
            NFT_MSG_DELRULE or NFT_MSG_DESTROYRULE => DeleteRule(context),
            NFT_MSG_NEWSET => NewSet(context),
            NFT_MSG_GETSET => GetSet(context),
            NFT_MSG_DELSET or NFT_MSG_DESTROYSET => DeleteSet(context),
            NFT_MSG_NEWSETELEM => NewElements(context),
            NFT_MSG_GETSETELEM => GetElements(context, reset: false),
            NFT_MSG_GETSETELEM_RESET => GetElements(context, reset: true),
            NFT_MSG_DELSETELEM or NFT_MSG_DESTROYSETELEM => DeleteElements(context),
            NFT_MSG_GETGEN => GetGeneration(context),
            NFT_MSG_NEWOBJ => NewObject(context),
            NFT_MSG_GETOBJ => GetObject(context, reset: false),
            NFT_MSG_GETOBJ_RESET => GetObject(context, reset: true),
            NFT_MSG_DELOBJ or NFT_MSG_DESTROYOBJ => DeleteObject(context),
            NFT_MSG_NEWFLOWTABLE => NewFlowtable(context),
            NFT_MSG_GETFLOWTABLE => GetFlowtable(context),
            _ => DeleteFlowtable(context),
        };
    }

    /// <summary>NFT_MSG_GETRULE_RESET, since 6.2.</summary>
    private const int NFT_MSG_GETRULE_RESET = 25;

    private AttributePolicy? PolicyOf(int verb) => verb switch
    {
        NFT_MSG_NEWTABLE or NFT_MSG_GETTABLE or NFT_MSG_DELTABLE => TablePolicy,
        NFT_MSG_NEWCHAIN or NFT_MSG_GETCHAIN or NFT_MSG_DELCHAIN => ChainPolicy,
        NFT_MSG_NEWRULE or NFT_MSG_GETRULE or NFT_MSG_DELRULE => RulePolicy,
        NFT_MSG_NEWSET or NFT_MSG_GETSET or NFT_MSG_DELSET => SetPolicy,
        NFT_MSG_NEWSETELEM or NFT_MSG_GETSETELEM or NFT_MSG_DELSETELEM => ElementListPolicy,
        NFT_MSG_GETGEN => NoAttributes,
        NFT_MSG_NEWOBJ or NFT_MSG_GETOBJ or NFT_MSG_DELOBJ or NFT_MSG_GETOBJ_RESET => ObjectPolicy,
        NFT_MSG_NEWFLOWTABLE or NFT_MSG_GETFLOWTABLE or NFT_MSG_DELFLOWTABLE => FlowtablePolicy,
        NFT_MSG_GETRULE_RESET when Kernel.Profile.IsAtLeast(6, 2) => RulePolicy,
        NFT_MSG_DESTROYTABLE when Kernel.Profile.HasDestroyVerbs => TablePolicy,
        NFT_MSG_DESTROYCHAIN when Kernel.Profile.HasDestroyVerbs => ChainPolicy,
        NFT_MSG_DESTROYRULE when Kernel.Profile.HasDestroyVerbs => RulePolicy,
        NFT_MSG_DESTROYSET when Kernel.Profile.HasDestroyVerbs => SetPolicy,
        NFT_MSG_DESTROYSETELEM when Kernel.Profile.HasDestroyVerbs => ElementListPolicy,
        NFT_MSG_DESTROYOBJ when Kernel.Profile.HasDestroyVerbs => ObjectPolicy,
        NFT_MSG_DESTROYFLOWTABLE when Kernel.Profile.HasDestroyVerbs => FlowtablePolicy,
        NFT_MSG_GETSETELEM_RESET when Kernel.Profile.IsAtLeast(6, 5) => ElementListPolicy,
        _ => null,
    };

    private static bool IsChange(int verb) => verb is not (NFT_MSG_GETTABLE or NFT_MSG_GETCHAIN or NFT_MSG_GETRULE or NFT_MSG_GETRULE_RESET or NFT_MSG_GETSET
        or NFT_MSG_GETSETELEM or NFT_MSG_GETSETELEM_RESET or NFT_MSG_GETGEN or NFT_MSG_GETOBJ or NFT_MSG_GETOBJ_RESET or NFT_MSG_GETFLOWTABLE);

    private static readonly AttributePolicy NoAttributes = new(0);

    public void BeginBatch() => _transaction = new Transaction();

    /// <summary>Whether the batch under way made something for a rule that it did not make.</summary>
    public bool LeavesUnbound => _transaction.LeavesUnbound;

    /// <summary>Undoes what the batch under way did.</summary>
    public void AbortBatch()
    {
        _transaction.Abort();
        _transaction = new Transaction();
        _notifications.Clear();
    }

    /// <summary>Makes the batch under way final.</summary>
    public void CommitBatch(SimulatedNetlinkSocket socket, NetlinkHeader first)
    {
        if (_transaction.IsEmpty)
        {
            return;
        }

        Generation = Generation == uint.MaxValue ? 1 : Generation + 1;
        _transaction.Commit();
        foreach (Chain chain in _transaction.TouchedChains)
        {
            chain.Compile();
        }

        _transaction = new Transaction();
        SendNotifications(socket, first);
    }

    /// <summary>Looks a table up by name for a request, and whether the requester may touch it.</summary>
    private LinuxError FindTable(NftContext context, KernelAttribute name, out Table table, bool anyOwner = false)
    {
        table = null!;
        if (!name.Exists)
        {
            return LinuxError.EINVAL;
        }

        string wanted = name.Name;
        foreach (Table candidate in _tables)
        {
            if (!candidate.IsDeleted && candidate.Family == context.Family && candidate.Name == wanted)
            {
                if (!anyOwner && candidate.Owner != 0 && candidate.Owner != context.PortId)
                {
                    return LinuxError.EPERM;
                }

                table = candidate;
                return LinuxError.None;
            }
        }

        return LinuxError.ENOENT;
    }

    /// <summary>Looks a chain up that this batch made under an id.</summary>
    public Chain? FindChainById(Table table, uint id)
    {
        foreach ((uint known, Chain chain) in _transaction.ChainIds)
        {
            if (known == id && chain.Table == table && !chain.IsDeleted)
            {
                return chain;
            }
        }

        return null;
    }

    /// <summary>A socket was closed: the tables it owns go, unless they are to stay.</summary>
    public void SocketClosed(SimulatedNetlinkSocket socket)
    {
        List<Table> owned = [.. Tables.Where(table => table.Owner == socket.PortId)];
        if (owned.Count == 0)
        {
            return;
        }

        bool removed = false;
        foreach (Table table in owned)
        {
            if ((table.Flags & NFT_TABLE_F_PERSIST) != 0)
            {
                table.Owner = 0;
                table.Flags &= ~NFT_TABLE_F_OWNER;
                continue;
            }

            UnregisterHooks(table);
            _tables.Remove(table);
            removed = true;
        }

        if (removed)
        {
            Generation = Generation == uint.MaxValue ? 1 : Generation + 1;
        }
    }

    private LinuxError GetGeneration(NftContext context)
    {
        byte[] answer = NftMessage.Make(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN, 0, context.Sequence, context.PortId, NFPROTO_UNSPEC, ResourceId, FillGeneration);
        context.Socket!.Deliver(answer);
        return LinuxError.None;
    }

    /// <summary>The process that an answer about the generation names: always the same one, so that one seed is one transcript in every process.</summary>
    private const uint GenerationProcess = 1000;

    private void FillGeneration(ref NetlinkWriter writer)
    {
        writer.WriteUInt32BigEndian(NFTA_GEN_ID, Generation);
        writer.WriteUInt32BigEndian(NFTA_GEN_PROC_PID, GenerationProcess);
        NftMessage.WriteName(ref writer, NFTA_GEN_PROC_NAME, "eucanet");
    }

    /// <summary>Answers a request for one object.</summary>
    private LinuxError Reply(NftContext context, int verb, byte family, NftMessage.Filler fill)
    {
        context.Socket!.Deliver(NftMessage.Make(NFNL_SUBSYS_NFTABLES, verb, 0, context.Sequence, context.PortId, family, ResourceId, fill));
        return LinuxError.None;
    }
}
