using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Recording;

/// <summary>
/// A door to what a machine holds. A fork has all doors at once and what lies behind them only when it first goes through one, or when the cloud it was taken from
/// is about to change it. All doors of a machine are opened together, so what is behind them is of one moment.
/// </summary>
internal abstract class CopiedLater
{
    private ObjectGraphCopy? _copy;
    private CopiedLater? _original;

    /// <summary>Whose this is; null where it is no machine's, and copied at once.</summary>
    public abstract MachineIdentity? Machine { get; }

    /// <summary>What is behind the door has been copied, or was always here.</summary>
    public bool IsHere => Volatile.Read(ref _copy) is null;

    /// <summary>Copies what is behind the door, if that has not been done.</summary>
    public void Open() => Volatile.Read(ref _copy)?.Open(this);

    /// <summary>The same door in a copy, closed.</summary>
    public CopiedLater Close(ObjectGraphCopy copy)
    {
        var door = (CopiedLater)MemberwiseClone();
        door._original = this;
        door._copy = copy;
        return door;
    }

    /// <summary>Takes what is behind the original's door.</summary>
    public void Take(ObjectGraphCopy copy)
    {
        _original!.Open();
        Take(_original, copy);
    }

    /// <summary>All that this leads to has been copied: other threads may go through.</summary>
    public void StayOpen()
    {
        _original = null;
        Volatile.Write(ref _copy, null);
    }

    /// <summary>Fills the fields whose references the copy does not share with the original.</summary>
    protected abstract void Take(CopiedLater original, ObjectGraphCopy copy);
}

/// <summary>A reference through a door.</summary>
internal sealed class CopiedLater<T>(MachineIdentity machine, T value) : CopiedLater
    where T : class?
{
    private T _value = value;

    public override MachineIdentity Machine => machine;

    /// <summary>What it leads to.</summary>
    public T Value
    {
        get
        {
            Open();
            return _value;
        }

        set
        {
            Open();
            _value = value;
        }
    }

    protected override void Take(CopiedLater original, ObjectGraphCopy copy) => _value = (T)copy.Reference(((CopiedLater<T>)original)._value)!;
}
