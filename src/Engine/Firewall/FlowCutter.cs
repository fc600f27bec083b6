using System.Globalization;
using System.Net;
using EucaNet.Engine.Modes;
using EucaNet.Netfilter.Conntrack;
using EucaNet.Netlink.Kernel;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Firewall;

/// <summary>Cuts flows in connection tracking that a change has made wrong, and no others. What cannot be cut is logged and ends by itself.</summary>
internal sealed class FlowCutter(EngineContext context) : IAsyncDisposable
{
    private readonly ILogger _logger = context.Logger<FlowCutter>();
    private ConntrackConnection? _connection;

    /// <summary>All flows from and to an instance that has ended, so that the next one with its address inherits none.</summary>
    public void CutInstance(Ipv4Address address, ChangeLog changes)
    {
        IPAddress instance = ToAddress(address);
        Cut($"flows of {address}", changes, new ConntrackFilter { OriginalSource = instance }, new ConntrackFilter { ReplySource = instance });
    }

    /// <summary>The flows between an instance and the outside that carry a public address it has lost.</summary>
    public void CutPublic(Ipv4Address address, Ipv4Address instance, ChangeLog changes)
    {
        IPAddress outside = ToAddress(address);
        IPAddress inside = ToAddress(instance);
        Cut($"flows of {address}", changes,
            new ConntrackFilter { OriginalDestination = outside, ReplySource = inside },
            new ConntrackFilter { OriginalSource = inside, ReplyDestination = outside });
    }

    /// <summary>The flows that a revoked rule had let in and that no remaining rule lets in.</summary>
    public void CutRevoked(Ipv4Network destination, IngressRule rule, Ipv4Network source, IReadOnlyList<(IngressRule Rule, Ipv4Network Source)> remaining, ChangeLog changes)
    {
        bool IsMeant(ConntrackEntry flow) => LetIn(flow, destination, rule, source) && !remaining.Any(r => LetIn(flow, destination, r.Rule, r.Source));
        string what = $"flows of '{rule}'";
        if (source.PrefixLength < 32)
        {
            Cut(what, changes, new ConntrackFilter { Protocol = rule.Protocol, Predicate = IsMeant });
        }
        else
        {
            // One sender, known by its own address or by the public one that answers go to.
            IPAddress sender = ToAddress(source.Address);
            Cut(what, changes,
                new ConntrackFilter { Protocol = rule.Protocol, OriginalSource = sender, Predicate = IsMeant },
                new ConntrackFilter { Protocol = rule.Protocol, ReplyDestination = sender, Predicate = IsMeant });
        }
    }

    /// <summary>How many flows an instance has, from it and to it; null where connection tracking cannot be read.</summary>
    public (int From, int To)? Count(Ipv4Address address)
    {
        IPAddress instance = ToAddress(address);
        try
        {
            _connection ??= ConntrackConnection.Open(context.Kernel);
            return (_connection.List(new ConntrackFilter { OriginalSource = instance }).Count, _connection.List(new ConntrackFilter { ReplySource = instance }).Count);
        }
        catch (KernelException failed)
        {
            _logger.LogWarning("Connection tracking cannot be read: {Reason}", failed.Message);
            return null;
        }
    }

    public ValueTask DisposeAsync()
    {
        _connection?.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// True when a rule lets a flow in: answers come from the group's network, the first packet from the rule's source or, by way of a public address, from an instance
    /// seen under one of the rule's source; protocol and port are the rule's.
    /// </summary>
    internal static bool LetIn(ConntrackEntry flow, Ipv4Network destination, IngressRule rule, Ipv4Network source)
    {
        if (flow.Original.Family != 2 || flow.Reply.Source.GetAddressBytes().Length != 4)
        {
            return false;
        }

        Ipv4Address from = Ipv4Address.Read(flow.Original.Source.GetAddressBytes());
        Ipv4Address seenAs = Ipv4Address.Read(flow.Reply.Destination.GetAddressBytes());
        bool byPublicAddress = !flow.Original.Destination.Equals(flow.Reply.Source);
        if (!destination.Contains(Ipv4Address.Read(flow.Reply.Source.GetAddressBytes())) || destination.Contains(from)
            || !(source.Contains(from) || (byPublicAddress && source.Contains(seenAs))))
        {
            return false;
        }

        // Answers come from the port that the instance listens on, whatever the first packet was sent to.
        return rule.Takes(flow.Original.Protocol, flow.Reply.SourcePort, flow.Original.IcmpType, flow.Original.IcmpCode);
    }

    private static IPAddress ToAddress(Ipv4Address address) => new(address.ToBytes());

    private void Cut(string what, ChangeLog changes, params ReadOnlySpan<ConntrackFilter> filters)
    {
        int count = 0;
        try
        {
            _connection ??= ConntrackConnection.Open(context.Kernel);
            foreach (ConntrackFilter filter in filters)
            {
                count += _connection.Delete(filter);
            }
        }
        catch (Exception failed) when (failed is KernelException or TimeoutException)
        {
            _logger.LogWarning("{What} were not cut: {Reason}", what, failed.Message);
        }

        if (count > 0)
        {
            changes.Add(ChangeKind.ConnectionsCut, what, string.Create(CultureInfo.InvariantCulture, $"{count} cut"));
        }
    }
}
