namespace EucaNet.Cli.Control;

/// <summary>
/// The runtime commands of a running engine: of this process (a scenario), or of the daemon behind its socket.
/// </summary>
internal interface IControl
{
    /// <summary>Front-end: assigns network, addresses and name to an instance that is about to run.</summary>
    Task<ChangeMessage> RunInstanceAsync(RunMessage request, CancellationToken cancellationToken);

    /// <summary>Front-end: takes back what an instance was assigned.</summary>
    Task<ChangeMessage> TerminateInstanceAsync(string instance, CancellationToken cancellationToken);

    /// <summary>Node: connects the interface that the hypervisor made.</summary>
    Task<ChangeMessage> AttachInstanceAsync(AttachMessage request, CancellationToken cancellationToken);

    /// <summary>Node: disconnects an instance.</summary>
    Task<ChangeMessage> DetachInstanceAsync(string instance, CancellationToken cancellationToken);

    /// <summary>The instances known here.</summary>
    Task<IReadOnlyList<InstanceMessage>> ListInstancesAsync(CancellationToken cancellationToken);

    /// <summary>Opens a group to a source.</summary>
    Task<ChangeMessage> AuthorizeAsync(RuleMessage rule, CancellationToken cancellationToken);

    /// <summary>Closes what <see cref="AuthorizeAsync"/> opened, flows included.</summary>
    Task<ChangeMessage> RevokeAsync(RuleMessage rule, CancellationToken cancellationToken);

    /// <summary>The ingress rules.</summary>
    Task<IReadOnlyList<RuleMessage>> ListRulesAsync(CancellationToken cancellationToken);

    /// <summary>Gives a public address to an instance, taking it from another if need be.</summary>
    Task<ChangeMessage> AssociateAsync(AssociateMessage request, CancellationToken cancellationToken);

    /// <summary>Takes a public address back.</summary>
    Task<ChangeMessage> DisassociateAsync(string publicAddress, CancellationToken cancellationToken);

    /// <summary>The public addresses.</summary>
    Task<IReadOnlyList<AddressMessage>> ListAddressesAsync(CancellationToken cancellationToken);

    /// <summary>The active networks.</summary>
    Task<IReadOnlyList<NetworkMessage>> ListNetworksAsync(CancellationToken cancellationToken);

    /// <summary>Everything about an instance, a group or a public address.</summary>
    Task<ExplanationMessage> ExplainAsync(string subject, CancellationToken cancellationToken);

    /// <summary>The manual's troubleshooting chapter: what should be, held against what is; the worst first.</summary>
    Task<IReadOnlyList<Engine.Diagnostics.Finding>> ExamineAsync(CancellationToken cancellationToken);

    /// <summary>Follows the first packet of a flow through the rules as the kernel has them now.</summary>
    Task<TraceMessage> TraceAsync(TraceRequestMessage request, CancellationToken cancellationToken);

    /// <summary>Front-end, SYSTEM mode: takes what a node saw of an instance's address.</summary>
    Task<ChangeMessage> ReportAddressAsync(ReportMessage report, CancellationToken cancellationToken);

    /// <summary>How the engine is.</summary>
    Task<StatusMessage> GetStatusAsync(CancellationToken cancellationToken);
}

/// <summary>The engine refused a command, or could not be reached; the message says which object, why, and what to do.</summary>
internal sealed class RefusedException(string message) : Exception(message);
