using EucaNet.Engine.Configuration;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.State;

namespace EucaNet.Engine.Modes;

// Rules that wait for their turn together.
internal sealed partial class ManagedFrontEnd
{
    /// <summary>Adds a rule; those that wait behind it come into the kernel with it, and find themselves written when it is their turn.</summary>
    public override async ValueTask AuthorizeAsync(WaitingRule rule, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (rule.Written is { } written)
        {
            changes.Add(ChangeKind.Note, $"group {rule.Group}", "written together with other rules: " + string.Join("; ", written.ToSummary().Changes));
            return;
        }

        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            IReadOnlyList<WaitingRule> burst = Burst.From(rule, turn.Task);
            if (burst.Count > 1 && await TryAuthorizeTogetherAsync(burst, changes, cancellationToken).ConfigureAwait(false) && rule.Written is not null)
            {
                return;
            }
        }
        finally
        {
            turn.SetResult();
        }

        await AuthorizeAsync(rule.Group, rule.Rule, changes, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>False where they were refused together and nothing was changed: each is tried alone then, so that the one to blame is named.</summary>
    private async ValueTask<bool> TryAuthorizeTogetherAsync(IReadOnlyList<WaitingRule> burst, ChangeLog changes, CancellationToken cancellationToken)
    {
        using UndoLog undo = BeginChange();
        var added = new List<(WaitingRule Waiting, StateRecord Record)>();
        foreach (WaitingRule waiting in burst)
        {
            if (TryCheck(waiting) is not { } normal || !_state.AddRule(waiting.Group, normal))
            {
                // It says so itself when it is its turn.
                continue;
            }

            undo.Add(() => _state.RemoveRule(waiting.Group, normal));
            _firewall.AddRule(waiting.Group, normal);
            added.Add((waiting, StateRecord.OfRule(StateRecord.Authorize, waiting.Group, normal)));
        }

        if (added.Count == 0)
        {
            return false;
        }

        try
        {
            await CommitAsync(undo, changes, () => _backend.CommitAsync($"{added.Count} rules of {added.Select(one => one.Waiting.Group).Distinct().Count()} groups", changes, cancellationToken)).ConfigureAwait(false);
        }
        catch (EngineException refused) when (!_backend.IsCommitted && EngineException.IsRefusal(refused))
        {
            return false;
        }

        Record([.. added.Select(one => one.Record)]);
        foreach ((WaitingRule waiting, _) in added)
        {
            waiting.Written = changes;
        }

        return true;
    }

    private static IngressRule? TryCheck(WaitingRule waiting)
    {
        try
        {
            CheckedGroup(waiting.Group.User, waiting.Group.Group);
            waiting.Rule.Validate();
            return waiting.Rule.Normalized();
        }
        catch (EngineException)
        {
            return null;
        }
    }
}
