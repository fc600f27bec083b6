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
        Cut($"flows of '{rule}'", changes, new ConntrackFilter
        {
            Protocol = rule.Protocol,
            OriginalSource = source.PrefixLength == 32 ? ToAddress(source.Address) : null,
            Predicate = flow => LetIn(flow, destination, rule, source) && !remaining.Any(r => LetIn(flow, destination, r.Rule, r.Source)),
        });
    }

    public ValueTask DisposeAsync()
    {
        _connection?.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>True when a rule lets a flow in: answers come from the group's network, the first packet from the rule's source, protocol and port are the rule's.</summary>
    internal static bool LetIn(ConntrackEntry flow, Ipv4Network destination, IngressRule rule, Ipv4Network source)
    {
        if (flow.Original.Family != 2 || flow.Reply.Source.GetAddressBytes().Length != 4)
        {
            return false;
        }

        Ipv4Address from = Ipv4Address.Read(flow.Original.Source.GetAddressBytes());
        if (!destination.Contains(Ipv4Address.Read(flow.Reply.Source.GetAddressBytes())) || !source.Contains(from) || destination.Contains(from))
        {
            return false;
        }

        if (rule.Protocol is not { } protocol)
        {
            return true;
        }

        // Answers come from the port that the instance listens on, whatever the first packet was sent to.
        return protocol == flow.Original.Protocol
            && (rule.FirstPort is not { } first || (flow.Reply.SourcePort is { } port && port >= first && port <= rule.LastPort))
            && (rule.IcmpType < 0 || rule.IcmpType == flow.Original.IcmpType)
            && (rule.IcmpCode < 0 || rule.IcmpCode == flow.Original.IcmpCode);
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
        catch (KernelException failed)
        {
            _logger.LogWarning("{What} were not cut: {Reason}", what, failed.Message);
        }

        if (count > 0)
        {
            changes.Add(ChangeKind.ConnectionsCut, what, string.Create(CultureInfo.InvariantCulture, $"{count} cut"));
        }
    }
}
