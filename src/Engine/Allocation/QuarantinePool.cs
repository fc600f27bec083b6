using System.Numerics;

namespace EucaNet.Engine.Allocation;

/// <summary>
/// Numbers from 0, the lowest free one first. A released number rests for a while before it is free again, since something may still send to it.
/// </summary>
internal sealed class QuarantinePool
{
    private readonly ulong[] _used;
    private readonly Queue<(int Index, DateTimeOffset Until)> _resting = new();
    private int _firstWord;

    public QuarantinePool(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        Count = count;
        _used = new ulong[(count + 63) / 64];
        if ((count & 63) != 0)
        {
            _used[^1] = ulong.MaxValue << (count & 63);
        }
    }

    /// <summary>How many numbers there are.</summary>
    public int Count { get; }

    /// <summary>How many are given.</summary>
    public int InUse { get; private set; }

    /// <summary>How many rest.</summary>
    public int Resting => _resting.Count;

    /// <summary>How many could be given now.</summary>
    public int Free => Count - InUse - Resting;

    /// <summary>When the next resting number becomes free; null when none rests.</summary>
    public DateTimeOffset? NextFree => _resting.TryPeek(out (int Index, DateTimeOffset Until) next) ? next.Until : null;

    /// <summary>Takes the lowest free number; -1 when there is none.</summary>
    public int TakeLowest(DateTimeOffset now)
    {
        Wake(now);
        for (int word = _firstWord; word < _used.Length; word++)
        {
            if (_used[word] != ulong.MaxValue)
            {
                int bit = BitOperations.TrailingZeroCount(~_used[word]);
                _used[word] |= 1UL << bit;
                _firstWord = word;
                InUse++;
                return (word * 64) + bit;
            }
        }

        _firstWord = _used.Length;
        return -1;
    }

    /// <summary>Takes a certain number, resting or not (when the state of a former run is read); false when it is given or there is no such number.</summary>
    public bool TryTake(int index)
    {
        if (index < 0 || index >= Count)
        {
            return false;
        }

        if ((_used[index / 64] & (1UL << (index & 63))) != 0 && !Unrest(index))
        {
            return false;
        }

        _used[index / 64] |= 1UL << (index & 63);
        InUse++;
        return true;
    }

    /// <summary>Gives a number back; it rests until <paramref name="until"/>.</summary>
    public void Release(int index, DateTimeOffset until)
    {
        InUse--;
        _resting.Enqueue((index, until));
    }

    /// <summary>Gives a number back as if it had never been taken.</summary>
    public void Undo(int index)
    {
        InUse--;
        Clear(index);
    }

    /// <summary>The resting numbers and until when, oldest first.</summary>
    public IEnumerable<(int Index, DateTimeOffset Until)> RestingNumbers => _resting;

    /// <summary>Frees what has rested long enough.</summary>
    public void Wake(DateTimeOffset now)
    {
        while (_resting.TryPeek(out (int Index, DateTimeOffset Until) next) && next.Until <= now)
        {
            Clear(_resting.Dequeue().Index);
        }
    }

    private void Clear(int index)
    {
        _used[index / 64] &= ~(1UL << (index & 63));
        _firstWord = Math.Min(_firstWord, index / 64);
    }

    private bool Unrest(int index)
    {
        int before = _resting.Count;
        for (int i = 0; i < before; i++)
        {
            (int Index, DateTimeOffset Until) entry = _resting.Dequeue();
            if (entry.Index != index)
            {
                _resting.Enqueue(entry);
            }
        }

        return _resting.Count < before;
    }
}
