using EucaNet.Cli.Control;

namespace EucaNet.Cli.Scenarios;

/// <summary>
/// The front-end's commands, with the cloud's messaging and the hypervisor behind "instance run … --on NODE" and "instance terminate":
/// the VM's interface is made, attached on its node, and the VM boots; and back.
/// </summary>
internal sealed class ScenarioControl(ScenarioCloud cloud, string? node, Story story) : IControl
{
    private IControl FrontEnd => cloud.FrontEndControl;

    public async Task<ChangeMessage> RunInstanceAsync(RunMessage request, CancellationToken cancellationToken)
    {
        ChangeMessage answer = await FrontEnd.RunInstanceAsync(request, cancellationToken).ConfigureAwait(false);
        foreach (string line in answer.Changes)
        {
            story.Did(cloud.FrontEndName, line);
        }

        if (node is not null)
        {
            try
            {
                await cloud.LaunchAsync(node, answer.Instance!, story.Did, cancellationToken).ConfigureAwait(false);
            }
            catch (RefusedException)
            {
                // As the cloud's controller does when a node cannot run an instance: its network is given back.
                await FrontEnd.TerminateInstanceAsync(request.Instance, cancellationToken).ConfigureAwait(false);
                throw;
            }
        }

        return answer with { Changes = [] };
    }

    public async Task<ChangeMessage> TerminateInstanceAsync(string instance, CancellationToken cancellationToken)
    {
        await cloud.DestroyAsync(instance, story.Did, cancellationToken).ConfigureAwait(false);
        return await FrontEnd.TerminateInstanceAsync(instance, cancellationToken).ConfigureAwait(false);
    }

    public Task<ChangeMessage> AttachInstanceAsync(AttachMessage request, CancellationToken cancellationToken) =>
        throw new RefusedException("in a scenario 'instance run … --on NODE' attaches the instance");

    public Task<ChangeMessage> DetachInstanceAsync(string instance, CancellationToken cancellationToken) =>
        throw new RefusedException("in a scenario 'instance terminate' detaches the instance");

    public Task<IReadOnlyList<InstanceMessage>> ListInstancesAsync(CancellationToken cancellationToken) => FrontEnd.ListInstancesAsync(cancellationToken);

    public Task<ChangeMessage> AuthorizeAsync(RuleMessage rule, CancellationToken cancellationToken) => FrontEnd.AuthorizeAsync(rule, cancellationToken);

    public Task<ChangeMessage> RevokeAsync(RuleMessage rule, CancellationToken cancellationToken) => FrontEnd.RevokeAsync(rule, cancellationToken);

    public Task<IReadOnlyList<RuleMessage>> ListRulesAsync(CancellationToken cancellationToken) => FrontEnd.ListRulesAsync(cancellationToken);

    public Task<ChangeMessage> AssociateAsync(AssociateMessage request, CancellationToken cancellationToken) => FrontEnd.AssociateAsync(request, cancellationToken);

    public Task<ChangeMessage> DisassociateAsync(string publicAddress, CancellationToken cancellationToken) => FrontEnd.DisassociateAsync(publicAddress, cancellationToken);

    public Task<IReadOnlyList<AddressMessage>> ListAddressesAsync(CancellationToken cancellationToken) => FrontEnd.ListAddressesAsync(cancellationToken);

    public Task<IReadOnlyList<NetworkMessage>> ListNetworksAsync(CancellationToken cancellationToken) => FrontEnd.ListNetworksAsync(cancellationToken);

    public Task<ExplanationMessage> ExplainAsync(string subject, CancellationToken cancellationToken) => FrontEnd.ExplainAsync(subject, cancellationToken);

    public Task<IReadOnlyList<Engine.Diagnostics.Finding>> ExamineAsync(CancellationToken cancellationToken) => FrontEnd.ExamineAsync(cancellationToken);

    public Task<TraceMessage> TraceAsync(TraceRequestMessage request, CancellationToken cancellationToken) => FrontEnd.TraceAsync(request, cancellationToken);

    public Task<ChangeMessage> ReportAddressAsync(ReportMessage report, CancellationToken cancellationToken) => FrontEnd.ReportAddressAsync(report, cancellationToken);

    public Task<StatusMessage> GetStatusAsync(CancellationToken cancellationToken) => FrontEnd.GetStatusAsync(cancellationToken);
}
