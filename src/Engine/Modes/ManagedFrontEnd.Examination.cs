using EucaNet.Engine.Diagnostics;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Reconciliation;

namespace EucaNet.Engine.Modes;

// What should be, held against what is, in the order of the manual's troubleshooting chapter.
internal sealed partial class ManagedFrontEnd
{
    public override async ValueTask ExamineAsync(FindingList findings, CancellationToken cancellationToken)
    {
        await new HostChecks(Context, _links, findings).RunAsync(cancellationToken).ConfigureAwait(false);
        foreach (ActiveNetwork network in _state.Networks.Values)
        {
            await ExamineNetworkAsync(network, findings, cancellationToken).ConfigureAwait(false);
        }

        DhcpChecks.Add(_dhcp, $"serves {_state.Networks.Count} networks", findings);

        await ExamineAddressesAsync(findings, cancellationToken).ConfigureAwait(false);
        foreach ((string set, string missing) in _backend.FindMissing())
        {
            findings.Error("firewall", set, missing, Remedy(set));
        }
    }

    public override async ValueTask<Explanation> ExplainAsync(string subject, CancellationToken cancellationToken)
    {
        if (Ipv4Address.TryParse(subject, out Ipv4Address address))
        {
            ManagedInstance? behind = _state.Associations.GetValueOrDefault(address) ?? _state.Instances.Values.FirstOrDefault(i => i.Address == address);
            return behind is not null ? await ExplainInstanceAsync(behind, cancellationToken).ConfigureAwait(false)
                : _state.InPublicPool.Contains(address) ? new Explanation($"address {address}", ["in the pool of VNET_PUBLICIPS, associated with no instance"], []) { Names = [$"{address}"] }
                : throw new NotKnownException($"address {address}", "no instance has it and VNET_PUBLICIPS does not hold it");
        }

        if (_state.Instances.TryGetValue(subject, out ManagedInstance? instance))
        {
            return await ExplainInstanceAsync(instance, cancellationToken).ConfigureAwait(false);
        }

        foreach (GroupName group in _state.Networks.Keys.Concat(_state.GroupsWithRules))
        {
            if (group.ToString() == subject || $"{group.User}/{group.Group}" == subject)
            {
                return await ExplainGroupAsync(group, cancellationToken).ConfigureAwait(false);
            }
        }

        throw new NotKnownException(subject, "name an instance (i-…), a group (user-group) or an address; 'instance list', 'group list' and 'address list' show what there is");
    }

    private async ValueTask<Explanation> ExplainInstanceAsync(ManagedInstance instance, CancellationToken cancellationToken)
    {
        Explanation group = await ExplainGroupAsync(instance.Network.Group, cancellationToken).ConfigureAwait(false);
        List<string> kernel = [.. group.Kernel, $"DHCP: {instance.Mac} gets {instance.Address} on {instance.Network.InterfaceName} ({_dhcp.Description})"];
        if (instance.PublicAddress is { } held)
        {
            bool present = (await _links.AddressesAsync(_public!, cancellationToken).ConfigureAwait(false)).Any(a => a.Address == held);
            kernel.Add($"{held}/32 {(present ? "is" : "is MISSING")} on {Configuration.PublicInterface}");
            kernel.Add($"DNAT {held} to {instance.Address}, SNAT {instance.Address} to {held} ({_backend.Description})");
        }

        string[] names = instance.PublicAddress is { } known ? [.. group.Names, instance.Id, $"{instance.Address}", $"{known}"] : [.. group.Names, instance.Id, $"{instance.Address}"];
        string flows = _flows.Count(instance.Address) is (int from, int to) ? $"{from} flows from it, {to} flows to it" : "its flows cannot be counted: connection tracking cannot be read";
        return new Explanation($"instance {instance.Id}",
        [
            $"group {instance.Network.Group}, since {instance.Since:yyyy-MM-dd HH:mm:ss}",
            $"MAC {instance.Mac}, address {instance.Address}{(instance.PublicAddress is { } address ? $", public address {address}" : "")}",
            .. group.Intent,
        ], kernel)
        {
            Counters = [flows, .. group.Counters],
            Names = names,
        };
    }

    public override PacketIntent ExplainPacket(PacketDescription packet)
    {
        ManagedInstance? InstanceAt(Ipv4Address address) => _state.Associations.GetValueOrDefault(address) ?? _state.Instances.Values.FirstOrDefault(i => i.Address == address);
        ManagedInstance? from = InstanceAt(packet.Source);
        ManagedInstance? to = InstanceAt(packet.Destination);
        Ipv4Address destination = to?.Address ?? packet.Destination;
        ActiveNetwork? network = to?.Network ?? _state.Networks.Values.FirstOrDefault(n => n.Chunk.Network.Contains(destination));
        bool byPublicAddress = destination != packet.Destination;
        bool Allows(IngressRule rule) => rule.Takes(packet.Protocol, packet.Port, packet.IcmpType, packet.IcmpCode) && _state.SourceOf(rule) is { } source
            && (source.Contains(from?.Address ?? packet.Source) || (byPublicAddress && from?.PublicAddress is { } seenAs && rule.SourceGroup is null && source.Contains(seenAs)));
        IngressRule[] rules = network is null ? [] : [.. _state.RulesOf(network.Group).OrderBy(r => r.ToString(), StringComparer.Ordinal)];
        return new PacketIntent
        {
            SourceInstance = from?.Id,
            DestinationInstance = to?.Id,
            PrivateDestination = byPublicAddress ? destination : null,
            Group = network?.Group,
            IsWithinGroup = network is not null && network == from?.Network,
            LetInBy = [.. rules.Where(Allows)],
            OtherRules = [.. rules.Where(r => !Allows(r))],
        };
    }

    private async ValueTask<Explanation> ExplainGroupAsync(GroupName group, CancellationToken cancellationToken)
    {
        var intent = new List<string>();
        var kernel = new List<string>();
        if (_state.Networks.TryGetValue(group, out ActiveNetwork? network))
        {
            intent.Add($"VLAN {network.Chunk.Vlan}, network {network.Chunk.Network}, router {network.Chunk.Router}, {network.Instances} instances");
            LinkView? link = await _links.FindAsync(network.InterfaceName, cancellationToken).ConfigureAwait(false);
            kernel.Add(link is null ? $"{network.InterfaceName} is MISSING" : $"{network.InterfaceName} is {(link.IsUp ? "up" : "DOWN")}");
        }
        else
        {
            intent.Add("no instance runs in it, so it has no network now");
        }

        foreach (IngressRule rule in _state.RulesOf(group))
        {
            bool active = network is not null && _state.SourceOf(rule) is not null;
            intent.Add($"lets in {rule}{(active ? "" : " (not in force: its group or source has no instances)")}");
            if (active)
            {
                kernel.Add($"{rule}: {string.Join(", ", TrafficShape.ElementsOf(rule, network!.Chunk.Network, _state.SourceOf(rule)!.Value)
                    .GroupBy(e => e.Shape.SetName).Select(g => $"{g.Count()} in set {g.Key}"))} ({_backend.Description})");
            }
        }

        kernel.AddRange(_backend.FindMissing().Select(missing => $"MISSING in {missing.Set}: {missing.Missing}"));

        return new Explanation($"group {group}", intent, kernel) { Counters = _backend.Counters(group), Names = [group.ToString()] };
    }

    private async ValueTask ExamineNetworkAsync(ActiveNetwork network, FindingList findings, CancellationToken cancellationToken)
    {
        const string Remedy = "check your VNET_INTERFACE parameter and inspect the eucalyptus log files for errors; reconciling makes it again";
        LinkView? link = await _links.FindAsync(network.InterfaceName, cancellationToken).ConfigureAwait(false);
        if (link is null)
        {
            findings.Error("interface", network.InterfaceName, $"the VLAN device of group {network.Group} is missing", Remedy);
            return;
        }

        bool addressed = (await _links.AddressesAsync(link, cancellationToken).ConfigureAwait(false)).Any(a => a.Address == network.Chunk.Router && a.PrefixLength == network.Chunk.Network.PrefixLength);
        if (!link.IsUp || !addressed)
        {
            findings.Error("interface", network.InterfaceName, !link.IsUp ? "it is down" : $"it lacks the router's address {network.Chunk.Router}", Remedy);
        }
        else
        {
            findings.Good("interface", network.InterfaceName, $"is up with {network.Chunk.Router}, group {network.Group}");
        }

        if (_state.RulesOf(network.Group).Count == 0)
        {
            findings.Notice("group", network.Group.ToString(), "it has no ingress rules: nobody outside the group reaches its instances", "authorize what is wanted, as tcp 22 and icmp -1:-1");
        }
    }

    private async ValueTask ExamineAddressesAsync(FindingList findings, CancellationToken cancellationToken)
    {
        if (await _links.FindAsync(Configuration.PublicInterface, cancellationToken).ConfigureAwait(false) is not { } link)
        {
            return;
        }

        HashSet<Ipv4Address> present = [.. (await _links.AddressesAsync(link, cancellationToken).ConfigureAwait(false)).Select(a => a.Address)];
        foreach ((Ipv4Address address, ManagedInstance instance) in _state.Associations)
        {
            if (present.Contains(address))
            {
                findings.Good("address", address.ToString(), $"is on {link.Name}, for instance {instance.Id}");
            }
            else
            {
                findings.Error("address", address.ToString(), $"it is not on {link.Name}, so nothing for instance {instance.Id} arrives", $"reconciling puts it back: ip addr add {address}/32 dev {link.Name}");
            }
        }
    }

    private static string Remedy(string set) => set switch
    {
        ManagedFirewall.PublicToPrivate or ManagedFirewall.PrivateToPublic => "there should be one DNAT and one SNAT for each associated address; check the log for the cause, reconciling puts them back",
        _ when TrafficShape.FromSetName(set) is not null => "the group's ingress rules are not in force; check the log for errors applying them, reconciling puts them back",
        _ => "another program changed our table; reconciling mends it",
    };
}
