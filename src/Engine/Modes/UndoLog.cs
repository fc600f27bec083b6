using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Modes;

/// <summary>How to take back what an operation has done so far, last first. Disposing it without <see cref="Keep"/> takes the state back.</summary>
internal sealed class UndoLog : IDisposable
{
    private readonly Stack<Action> _state = [];
    private readonly Stack<Func<ValueTask>> _kernel = [];

    public void Add(Action undo) => _state.Push(undo);

    public void AddKernel(Func<ValueTask> undo) => _kernel.Push(undo);

    /// <summary>The operation is done; nothing is to be taken back.</summary>
    public void Keep()
    {
        _state.Clear();
        _kernel.Clear();
    }

    /// <summary>Takes the state in memory back.</summary>
    public void TakeBack()
    {
        while (_state.TryPop(out Action? undo))
        {
            undo();
        }
    }

    /// <summary>Takes the kernel's part back; what fails is logged, and false returned: the next reconciliation finds it again.</summary>
    public async ValueTask<bool> TakeBackKernelAsync(ILogger logger)
    {
        bool complete = true;
        while (_kernel.TryPop(out Func<ValueTask>? undo))
        {
            try
            {
                await undo().ConfigureAwait(false);
            }
            catch (Exception failed) when (EngineException.IsKernelFailure(failed))
            {
                complete = false;
                logger.LogError("Taking back failed: {Reason}", failed.Message);
            }
        }

        return complete;
    }

    public void Dispose() => TakeBack();
}
