using System.Buffers.Binary;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Firewall;

/// <summary>
/// MANAGED on iptables' tables, through either of the kernel's two interfaces. A change writes the chains it concerns, in one transaction (nft) or one
/// replacement of each table (legacy).
/// </summary>
internal sealed class IptablesBackend : IFirewallBackend
{
    private readonly NetworkConfiguration _configuration;
    private readonly ManagedState _state;
    private readonly FirewallContent _content;
    private readonly IptablesText _text;
    private readonly IKernel _kernel;
    private IptablesTables? _opened;
    private string _reason = "not started";
    private bool _started;

    public IptablesBackend(EngineContext context, ManagedState state, ManagedFirewall firewall)
    {
        _configuration = context.Configuration;
        _state = state;
        _content = firewall.Content;
        _text = new IptablesText(_configuration, state, firewall.Content);
        _kernel = context.Kernel;
    }

    public string Description => _opened is null ? "iptables" : $"iptables-{(_opened.Interface == IptablesInterface.Nft ? "nft" : "legacy")}, {_reason}";

    public bool IsCommitted { get; private set; }

    /// <summary>Flushes and preloads at the start, as the manual has it; afterwards only our own chains are put right.</summary>
    public ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        bool flush = !_started && _configuration.Flush != false;
        bool changed = false;
        IptablesRuleSet Plan(IptablesRuleSet present)
        {
            IptablesRuleSet wanted = WithOurs(present);
            changed = wanted.ToText() != present.ToText();
            return wanted;
        }

        Guard("the firewall", () =>
        {
            if (flush)
            {
                string? before = TextOf("filter") + TextOf("nat");
                Tables.FlushAndLoad(PreloadFile.Read(_configuration), WithOurs);
                changed = TextOf("filter") + TextOf("nat") != before;
            }
            else
            {
                Tables.Change(Plan, "filter", "nat");
            }
        });
        _started = true;
        if (changed)
        {
            changes.Add(ChangeKind.Netfilter, Description, flush ? "filter and nat flushed, preload and our chains loaded" : "our chains repaired");
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask CommitAsync(string subject, ChangeLog changes, CancellationToken cancellationToken)
    {
        IsCommitted = false;
        cancellationToken.ThrowIfCancellationRequested();
        FirewallDelta delta = _content.PeekDelta();
        if (delta.IsEmpty)
        {
            return ValueTask.CompletedTask;
        }

        List<IptablesChainChange> chains = ChangesOf(delta);
        Guard(subject, () => Tables.ChangeChains(chains));
        IsCommitted = true;
        changes.Add(ChangeKind.Netfilter, Description, "chains " + string.Join(' ', chains.Select(c => (c.Rules is null ? "-" : "") + c.Chain)));
        return ValueTask.CompletedTask;
    }

    public IReadOnlyList<(string Set, string Missing)> FindMissing()
    {
        var missing = new List<(string, string)>();
        IptablesRuleSet present = Tables.Read("filter", "nat");
        IptablesRuleSet wanted = WithOurs(present);
        foreach (IptablesTable table in wanted.Tables)
        {
            foreach (IptablesChain chain in table.Chains)
            {
                int lacking = chain.Rules.Count - (present[table.Name]?[chain.Name]?.Rules.Count ?? 0);
                if (lacking > 0)
                {
                    missing.Add(($"{table.Name} {chain.Name}", $"{lacking} of {chain.Rules.Count} rules are missing"));
                }
            }
        }

        return missing;
    }

    public IReadOnlyList<string> Counters(GroupName? group)
    {
        if (group is not { } name || Tables.Read("filter")["filter"]?[GroupChainName.Of(name)] is not { } chain)
        {
            return [];
        }

        return [.. chain.Rules.Select(rule => $"chain {chain.Name}: {rule.ToText(IptablesFamily.Ip)}: {rule.Counters.Packets} packets, {rule.Counters.Bytes} bytes")];
    }

    public ValueTask DisposeAsync()
    {
        _opened?.Dispose();
        return ValueTask.CompletedTask;
    }

    private IptablesTables Tables
    {
        get
        {
            if (_opened is null)
            {
                IptablesInterfaceChoice choice = _configuration.Firewall switch
                {
                    FirewallBackend.IptablesLegacy => new IptablesInterfaceChoice(IptablesInterface.Legacy, "as VNET_FIREWALL says"),
                    FirewallBackend.IptablesNft => new IptablesInterfaceChoice(IptablesInterface.Nft, "as VNET_FIREWALL says"),
                    _ => IptablesTables.Detect(_kernel),
                };
                _reason = choice.Reason;
                _opened = IptablesTables.Open(_kernel, choice.Interface);
            }

            return _opened;
        }
    }

    private string TextOf(string table) => Tables.Read(table).ToText();

    /// <summary>The present tables with our chains as they should be and the jumps to them, FORWARD's policy DROP.</summary>
    private IptablesRuleSet WithOurs(IptablesRuleSet present)
    {
        IptablesRuleSet result = present;
        foreach (string name in new[] { "filter", "nat" })
        {
            IptablesRuleSet ours = Parse(_text.Table(name) + JumpsText(name));
            IptablesTable table = result[name] ?? IptablesTable.Empty(name);
            foreach (IptablesChain chain in ours[name]!.Chains.Where(c => c.Policy is null))
            {
                table = table.With(chain.Name, chain.Rules);
            }

            foreach (IptablesChain builtIn in ours[name]!.Chains.Where(c => c.Policy is not null && c.Rules.Count > 0))
            {
                IptablesChain there = table[builtIn.Name] ?? builtIn with { Rules = [] };
                table = table.With(there with { Rules = [.. there.Rules.Where(r => !builtIn.Rules.Contains(r)), .. builtIn.Rules] });
            }

            if (name == "filter" && table["FORWARD"] is { } forward)
            {
                table = table.With(forward with { Policy = IptablesVerdict.Drop });
            }

            result = result.With(table);
        }

        return result;
    }

    private string JumpsText(string table) =>
        $"*{table}\n" + string.Concat(_text.Jumps().Where(j => j.Table == table).Select(j => $"-A {j.Chain} {j.Rule}\n")) + "COMMIT\n";

    private IptablesRuleSet Parse(string text) =>
        IptablesSaveFile.Parse(IptablesFamily.Ip, text, Tables.Interface).ApplyTo(new IptablesRuleSet { Family = IptablesFamily.Ip }, flush: false);

    private List<IptablesChainChange> ChangesOf(FirewallDelta delta)
    {
        var filter = new HashSet<string>(StringComparer.Ordinal);
        var nat = new HashSet<string>(StringComparer.Ordinal);
        var gone = new List<IptablesChainChange>();
        foreach (ElementChange change in delta.Added.Concat(delta.Removed))
        {
            if (change.Set == ManagedFirewall.Groups)
            {
                filter.UnionWith([IptablesText.Forward, IptablesText.Input]);
                nat.Add(IptablesText.PostRouting);
            }
            else if (change.Set is ManagedFirewall.PublicToPrivate)
            {
                nat.UnionWith([IptablesText.PreRouting, IptablesText.Output, IptablesText.PostRouting]);
            }

            bool ofNetwork = change.Set == ManagedFirewall.Groups || TrafficShape.FromSetName(change.Set) is not null;
            if (ofNetwork && NetworkOf(new Ipv4Address(BinaryPrimitives.ReadUInt32BigEndian(change.Key.Span))) is { } network)
            {
                if (_text.IsActive(network))
                {
                    filter.Add(GroupChainName.Of(network.Group));
                }
                else if (gone.All(g => g.Chain != GroupChainName.Of(network.Group)))
                {
                    gone.Add(new IptablesChainChange("filter", GroupChainName.Of(network.Group), null));
                }
            }
        }

        var changes = new List<IptablesChainChange>();
        foreach ((string table, HashSet<string> names) in new[] { ("filter", filter), ("nat", nat) })
        {
            if (names.Count > 0)
            {
                IptablesTable wanted = Parse(_text.Table(table, names))[table]!;

                // A group's chain first, so that the jump to it finds it.
                changes.AddRange(names.OrderBy(n => n.StartsWith("euca-", StringComparison.Ordinal)).ThenBy(n => n, StringComparer.Ordinal)
                    .Select(n => new IptablesChainChange(table, n, wanted[n]?.Rules ?? [])));
            }
        }

        changes.AddRange(gone);
        return changes;
    }

    private ActiveNetwork? NetworkOf(Ipv4Address chunk)
    {
        int index = (int)((chunk.Value - _configuration.Subnet.Address.Value) / (uint)_configuration.AddressesPerNetwork);
        return _state.Networks.Values.FirstOrDefault(n => n.Chunk.Index == index);
    }

    private void Guard(string subject, Action act)
    {
        try
        {
            act();
        }
        catch (IptablesParseException refused)
        {
            throw PreloadFile.Refused(_configuration, refused);
        }
        catch (Exception refused) when (refused is KernelException or IptablesTableException or TimeoutException)
        {
            // Only a refusal by name says that nothing was carried out.
            IsCommitted = refused is not (IptablesTableException or Netfilter.Nftables.NftablesException);
            bool missing = refused is KernelException { Error: LinuxError.ENOPROTOOPT or LinuxError.EPROTONOSUPPORT };
            throw new EngineException(subject, refused.Message, missing
                ? "this kernel lacks ip_tables: load it (modprobe ip_tables iptable_filter iptable_nat), or write VNET_FIREWALL=\"nftables\""
                : "'doctor' compares the firewall with what it should be", inner: refused);
        }
    }
}
