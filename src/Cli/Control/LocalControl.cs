using System.Globalization;
using EucaNet.Engine;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Cli.Control;

/// <summary>The runtime commands on the engines of this process: a front-end, a node, or both on one machine.</summary>
internal sealed class LocalControl(FrontEnd? frontEnd, Node? node) : IControl
{
    private FrontEnd FrontEnd => frontEnd ?? throw new RefusedException("this engine is a node; the front-end's engine takes this command");

    private Node Node => node ?? throw new RefusedException("this engine is a front-end; the node's engine takes this command");

    public Task<ChangeMessage> RunInstanceAsync(RunMessage request, CancellationToken cancellationToken) => Guard(async () =>
    {
        bool any = string.Equals(request.PublicAddress, "any", StringComparison.OrdinalIgnoreCase);
        Outcome<InstanceAssignment> outcome = await FrontEnd.RunInstanceAsync(
            new InstanceRequest
            {
                InstanceId = request.Instance,
                User = request.User,
                Group = request.Group,
                PublicAddress = request.PublicAddress is { } address && !any ? ParseAddress(address) : null,
                AnyPublicAddress = any,
            },
            cancellationToken).ConfigureAwait(false);
        InstanceMessage instance = Message(outcome.Value) with { PublicAddress = await PublicAddressOfAsync(outcome.Value.InstanceId, cancellationToken).ConfigureAwait(false) };
        return new ChangeMessage(Lines(outcome.Changes), instance);
    });

    public Task<ChangeMessage> TerminateInstanceAsync(string instance, CancellationToken cancellationToken) =>
        Guard(async () => Changed(await FrontEnd.TerminateInstanceAsync(instance, cancellationToken).ConfigureAwait(false)));

    public Task<ChangeMessage> AttachInstanceAsync(AttachMessage request, CancellationToken cancellationToken) =>
        Guard(async () => Changed((await Node.AttachAsync(Assignment(request.Assignment), request.Interface, cancellationToken).ConfigureAwait(false)).Changes));

    public Task<ChangeMessage> DetachInstanceAsync(string instance, CancellationToken cancellationToken) =>
        Guard(async () => Changed(await Node.DetachAsync(instance, cancellationToken).ConfigureAwait(false)));

    public Task<IReadOnlyList<InstanceMessage>> ListInstancesAsync(CancellationToken cancellationToken) => Guard<IReadOnlyList<InstanceMessage>>(async () =>
    {
        IReadOnlyList<AttachedInstance> attached = node is null ? [] : await node.ListInstancesAsync(cancellationToken).ConfigureAwait(false);
        if (frontEnd is null)
        {
            return [.. attached.Select(instance => Message(instance.Assignment) with { PrivateAddress = $"{instance.Address}", Interface = instance.InterfaceName, Bridge = instance.BridgeName })];
        }

        Dictionary<string, string> interfaces = attached.ToDictionary(instance => instance.Assignment.InstanceId, instance => instance.InterfaceName);
        return
        [
            .. (await frontEnd.ListInstancesAsync(cancellationToken).ConfigureAwait(false)).Select(listing => Message(listing.Assignment) with
            {
                PrivateAddress = $"{listing.PrivateAddress}",
                PublicAddress = $"{listing.PublicAddress}",
                Interface = interfaces.GetValueOrDefault(listing.Assignment.InstanceId),
            }),
        ];
    });

    public Task<ChangeMessage> AuthorizeAsync(RuleMessage rule, CancellationToken cancellationToken) =>
        Guard(async () => Changed(await FrontEnd.AuthorizeAsync(rule.User, rule.Group, Rule(rule), cancellationToken).ConfigureAwait(false)));

    public Task<ChangeMessage> RevokeAsync(RuleMessage rule, CancellationToken cancellationToken) =>
        Guard(async () => Changed(await FrontEnd.RevokeAsync(rule.User, rule.Group, Rule(rule), cancellationToken).ConfigureAwait(false)));

    public Task<IReadOnlyList<RuleMessage>> ListRulesAsync(CancellationToken cancellationToken) =>
        Guard<IReadOnlyList<RuleMessage>>(async () => [.. (await FrontEnd.ListRulesAsync(cancellationToken: cancellationToken).ConfigureAwait(false)).Select(Message)]);

    public Task<ChangeMessage> AssociateAsync(AssociateMessage request, CancellationToken cancellationToken) =>
        Guard(async () => Changed(await FrontEnd.AssociateAddressAsync(ParseAddress(request.PublicAddress), request.Instance, cancellationToken).ConfigureAwait(false)));

    public Task<ChangeMessage> DisassociateAsync(string publicAddress, CancellationToken cancellationToken) =>
        Guard(async () => Changed(await FrontEnd.DisassociateAddressAsync(ParseAddress(publicAddress), cancellationToken).ConfigureAwait(false)));

    public Task<IReadOnlyList<AddressMessage>> ListAddressesAsync(CancellationToken cancellationToken) =>
        Guard<IReadOnlyList<AddressMessage>>(async () =>
        [
            .. (await FrontEnd.ListAddressesAsync(cancellationToken).ConfigureAwait(false)).Select(listing => new AddressMessage($"{listing.Address}", listing.InstanceId ?? "", listing.InstanceId is null ? "" : $"{listing.PrivateAddress}")),
        ]);

    public Task<IReadOnlyList<NetworkMessage>> ListNetworksAsync(CancellationToken cancellationToken) =>
        Guard<IReadOnlyList<NetworkMessage>>(async () =>
        [
            .. (await FrontEnd.ListNetworksAsync(cancellationToken).ConfigureAwait(false)).Select(listing => new NetworkMessage(
                listing.Group.User, listing.Group.Group, listing.Vlan, $"{listing.Network}", $"{listing.Router}", listing.Instances, listing.FreeAddresses)),
        ]);

    public Task<ExplanationMessage> ExplainAsync(string subject, CancellationToken cancellationToken) => Guard(async () =>
    {
        Explanation explanation = await FrontEnd.ExplainAsync(subject, cancellationToken).ConfigureAwait(false);
        return new ExplanationMessage(explanation.Subject, explanation.Intent, explanation.Kernel, explanation.Counters, explanation.Errors);
    });

    public Task<TraceMessage> TraceAsync(TraceRequestMessage request, CancellationToken cancellationToken) =>
        Guard(() => new Tracing.PacketRehearsal(frontEnd, node).RunAsync(request, cancellationToken));

    public Task<ChangeMessage> ReportAddressAsync(ReportMessage report, CancellationToken cancellationToken) => Guard(async () =>
    {
        await FrontEnd.ReportAddressAsync(
            new AddressReport
            {
                InstanceId = report.Instance,
                Address = ParseAddress(report.Address),
                Server = report.Server.Length > 0 ? ParseAddress(report.Server) : default,
                LeaseTime = TimeSpan.FromSeconds(report.LeaseSeconds),
            },
            cancellationToken).ConfigureAwait(false);
        return new ChangeMessage([$"instance {report.Instance} has {report.Address}"]);
    });

    public Task<IReadOnlyList<Finding>> ExamineAsync(CancellationToken cancellationToken) => Guard<IReadOnlyList<Finding>>(async () =>
    [
        .. ((Finding[])[
            .. frontEnd is null ? [] : await frontEnd.ExamineAsync(cancellationToken).ConfigureAwait(false),
            .. node is null ? [] : await node.ExamineAsync(cancellationToken).ConfigureAwait(false),
        ]).Distinct().OrderByDescending(finding => finding.Level),
    ]);

    public Task<StatusMessage> GetStatusAsync(CancellationToken cancellationToken) => Guard(async () =>
    {
        EngineStatus status = frontEnd is not null ? await frontEnd.GetStatusAsync(cancellationToken).ConfigureAwait(false) : await Node.GetStatusAsync(cancellationToken).ConfigureAwait(false);
        return new StatusMessage
        {
            Role = RoleOption.NameOf(frontEnd is not null && node is not null ? EngineRole.Both : status.Role),
            Mode = status.Mode.ToString().ToUpperInvariant(),
            Instances = status.Instances,
            Networks = status.Networks,
            PublicAddressesInUse = status.AssociatedAddresses,
            PublicAddresses = status.Capacity?.PublicAddresses ?? 0,
            Firewall = status.Firewall ?? "",
            Dhcp = status.Dhcp ?? "",
            Problems = status.Problems,
        };
    });

    /// <summary>What an operation did, a line each.</summary>
    public static IReadOnlyList<string> Lines(ChangeSummary changes) => [.. changes.Changes.Select(Line)];

    /// <summary>An assignment as it travels to a node.</summary>
    public static InstanceMessage Message(InstanceAssignment assignment) => new()
    {
        Instance = assignment.InstanceId,
        User = assignment.Group.User,
        Group = assignment.Group.Group,
        Mode = assignment.Mode.ToString().ToUpperInvariant(),
        Vlan = assignment.Vlan,
        HardwareAddress = $"{assignment.Mac}",
        PrivateAddress = $"{assignment.Address}",
        Bridge = assignment.BridgeName,
        Network = $"{assignment.Network}",
        Router = $"{assignment.Router}",
    };

    private static string Line(Change change)
    {
        string sign = change.Kind switch
        {
            ChangeKind.LinkAdded => "+ link",
            ChangeKind.LinkChanged => "~ link",
            ChangeKind.LinkRemoved => "- link",
            ChangeKind.AddressAdded => "+ address",
            ChangeKind.AddressRemoved => "- address",
            ChangeKind.Netfilter => "one netfilter transaction",
            ChangeKind.ConnectionsCut => "connections cut",
            ChangeKind.LeaseAdded => "+ lease",
            ChangeKind.LeaseRemoved => "- lease",
            ChangeKind.Parameter => "~ parameter",
            ChangeKind.Announced => "announced",
            ChangeKind.Daemon => "dhcp daemon",
            _ => "note",
        };
        return $"{sign} {change}";
    }

    private async Task<string> PublicAddressOfAsync(string instance, CancellationToken cancellationToken) =>
        (await FrontEnd.ListInstancesAsync(cancellationToken).ConfigureAwait(false)).FirstOrDefault(listing => listing.Assignment.InstanceId == instance) is { HasElasticAddress: true } listing ? $"{listing.PublicAddress}" : "";

    private static ChangeMessage Changed(ChangeSummary changes) => new(Lines(changes));

    private static InstanceAssignment Assignment(InstanceMessage message) => new()
    {
        InstanceId = message.Instance,
        Group = new GroupName(message.User, message.Group),
        Mode = Enum.TryParse(message.Mode, ignoreCase: true, out NetworkMode mode) ? mode : throw new RefusedException($"the assignment's mode '{message.Mode}' is not SYSTEM, STATIC or MANAGED"),
        Mac = MacAddress.TryParse(message.HardwareAddress, out MacAddress mac) ? mac : throw new RefusedException($"the assignment's hardware address '{message.HardwareAddress}' is not six octets"),
        Address = ParseAddress(message.PrivateAddress),
        Vlan = message.Vlan,
        Network = message.Network is { } network ? ParseNetwork(network) : default,
        Router = message.Router is { } router ? ParseAddress(router) : default,
        BridgeName = message.Bridge,
    };

    private static IngressRule Rule(RuleMessage message)
    {
        int? first = null;
        int? last = null;
        if (message.Ports.Length > 0)
        {
            string[] ends = message.Ports.Split('-', 2);
            first = ParsePort(ends[0], message.Ports);
            last = ParsePort(ends[^1], message.Ports);
        }

        return new IngressRule
        {
            Protocol = IngressRule.ParseProtocol(message.Protocol),
            FirstPort = first,
            LastPort = last,
            IcmpType = message.IcmpType,
            IcmpCode = message.IcmpCode,
            Source = message.SourceGroup.Length > 0 ? null : ParseNetwork(message.Source.Length > 0 ? message.Source : "0.0.0.0/0"),
            SourceGroup = message.SourceGroup.Length > 0 ? new GroupName(message.SourceUser, message.SourceGroup) : null,
        };
    }

    private static RuleMessage Message(RuleListing listing) => new()
    {
        User = listing.Group.User,
        Group = listing.Group.Group,
        Protocol = IngressRule.ProtocolName(listing.Rule.Protocol),
        Ports = listing.Rule.FirstPort is not { } first ? "" : first == listing.Rule.LastPort ? $"{first}" : $"{first}-{listing.Rule.LastPort}",
        IcmpType = listing.Rule.IcmpType,
        IcmpCode = listing.Rule.IcmpCode,
        Source = listing.Rule.Source is { } source ? $"{source}" : "",
        SourceUser = listing.Rule.SourceGroup?.User ?? "",
        SourceGroup = listing.Rule.SourceGroup?.Group ?? "",
        Active = listing.IsActive,
    };

    private static int ParsePort(string text, string whole) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port <= 65535
            ? port
            : throw new RefusedException($"'{whole}' is not a port (0 to 65535) or a range such as 8000-8080");

    internal static Ipv4Address ParseAddress(string text) =>
        Ipv4Address.TryParse(text, out Ipv4Address address) ? address : throw new RefusedException($"'{text}' is not an IPv4 address");

    private static Ipv4Network ParseNetwork(string text) =>
        Ipv4Network.TryParse(text.Contains('/', StringComparison.Ordinal) ? text : text + "/32", out Ipv4Network network)
            ? network
            : throw new RefusedException($"'{text}' is not an IPv4 network such as 203.0.113.0/24");

    // The engine's refusals and the kernel's become the one a command shows.
    private static async Task<T> Guard<T>(Func<Task<T>> act)
    {
        try
        {
            return await act().ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is EngineException or KernelException)
        {
            throw new RefusedException(exception.Message);
        }
    }
}
