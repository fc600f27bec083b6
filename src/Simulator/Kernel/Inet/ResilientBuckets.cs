namespace EucaNet.Simulator.Kernel;

/// <summary>
/// The buckets of a resilient group of next hops (struct nh_res_table): each belongs to one of the group, and what hashes to it goes there. When the group changes, only as many
/// change hands as must, and of these only such as nobody used for a while.
/// </summary>
/// <param name="kernel">The machine's kernel.</param>
/// <param name="count">How many there are, from 1 to 65,535.</param>
internal sealed class ResilientBuckets(SimulatedKernel kernel, int count)
{
    /// <summary>What is still out of balance is looked at no more often than this.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly Bucket[] _buckets = [.. Enumerable.Range(0, count).Select(static _ => new Bucket())];
    private readonly List<Share> _shares = [];
    private readonly List<Share> _wanting = [];
    private DateTimeOffset _unbalancedSince;
    private int _looks;

    /// <summary>Told of each bucket that changes hands as time passes.</summary>
    public Action<int>? Moved { get; set; }

    /// <summary>How long a bucket must not have been used before it changes hands.</summary>
    public TimeSpan IdleTimer { get; set; }

    /// <summary>After how long out of balance buckets change hands that are used; zero: never.</summary>
    public TimeSpan UnbalancedTimer { get; set; }

    public int Count => _buckets.Length;

    /// <summary>For how long some next hop has had fewer than are its own.</summary>
    public TimeSpan UnbalancedTime => _wanting.Count == 0 ? TimeSpan.Zero : Now - _unbalancedSince;

    private DateTimeOffset Now => kernel.Clock.Steady.GetUtcNow();

    public NumberedNextHop HopOf(int index) => _buckets[index].Hop!;

    public TimeSpan IdleTime(int index) => Now - _buckets[index].Used;

    /// <summary>The next hop for a hash; its bucket has been used.</summary>
    public NumberedNextHop Choose(ulong hash)
    {
        Bucket bucket = _buckets[hash % (ulong)_buckets.Length];
        bucket.Used = Now;
        return bucket.Hop!;
    }

    /// <summary>The group has these members now: what belonged to others, or is too many, changes hands as it may.</summary>
    public void Distribute(IReadOnlyList<NextHopMember> members)
    {
        bool wanted = _wanting.Count > 0;
        DateTimeOffset since = _unbalancedSince;
        _shares.Clear();
        _wanting.Clear();
        _shares.AddRange(members.Select(static member => new Share(member.Hop)));
        foreach (Bucket bucket in _buckets)
        {
            bucket.Owner = bucket.Owner is null ? null : _shares.Find(share => share.Hop == bucket.Owner.Hop);
            if (bucket.Owner is { } owner)
            {
                owner.Has++;
            }
        }

        long total = members.Sum(static member => (long)member.Weight), weights = 0, before = 0;
        for (int i = 0; i < members.Count; i++)
        {
            weights += members[i].Weight;
            long bound = ((_buckets.Length * weights) + (total / 2)) / total;
            _shares[i].Wants = (int)(bound - before);
            before = bound;
            if (_shares[i].Has < _shares[i].Wants)
            {
                if (_wanting.Count == 0)
                {
                    _unbalancedSince = Now;
                }

                _wanting.Insert(0, _shares[i]);
            }
        }

        if (wanted && _wanting.Count > 0)
        {
            _unbalancedSince = since;
        }

        Keep(tells: false);
    }

    /// <summary>The group is no more.</summary>
    public void End() => _looks++;

    private void Keep(bool tells)
    {
        _looks++;
        DateTimeOffset now = Now, deadline = now + (UnbalancedTimer > TimeSpan.Zero ? UnbalancedTimer : IdleTimer);
        for (int i = 0; i < _buckets.Length; i++)
        {
            if (MustOrMayMove(_buckets[i], now, ref deadline) && _wanting.Count > 0)
            {
                Move(_buckets[i], now);
                if (tells)
                {
                    Moved?.Invoke(i);
                }
            }
        }

        if (_wanting.Count > 0)
        {
            TimeSpan wait = deadline - now;
            int look = ++_looks;
            kernel.After(wait > Pause ? wait : Pause, () =>
            {
                // The group has changed or gone meanwhile: then somebody else looks.
                if (look == _looks)
                {
                    Keep(tells: true);
                }
            });
        }
    }

    private bool MustOrMayMove(Bucket bucket, DateTimeOffset now, ref DateTimeOffset deadline)
    {
        if (bucket.Owner is not { } owner)
        {
            return true;
        }

        if (owner.Has <= owner.Wants)
        {
            return false;
        }

        DateTimeOffset idle = bucket.Used == bucket.Since ? now : bucket.Used + IdleTimer;
        if (now >= idle)
        {
            return true;
        }

        if (UnbalancedTimer > TimeSpan.Zero)
        {
            DateTimeOffset limit = _unbalancedSince + UnbalancedTimer;
            if (now > limit)
            {
                return true;
            }

            deadline = limit < deadline ? limit : deadline;
        }

        deadline = idle < deadline ? idle : deadline;
        return false;
    }

    private void Move(Bucket bucket, DateTimeOffset now)
    {
        if (bucket.Owner is { } owner)
        {
            owner.Has--;
        }

        Share share = _wanting[0];
        bucket.Owner = share;
        bucket.Hop = share.Hop;
        bucket.Used = bucket.Since = now;
        if (++share.Has == share.Wants)
        {
            _wanting.RemoveAt(0);
        }
    }

    private sealed class Bucket
    {
        /// <summary>Whose it is; null while it belongs to none of the group.</summary>
        public Share? Owner { get; set; }

        public NumberedNextHop? Hop { get; set; }

        public DateTimeOffset Used { get; set; }

        /// <summary>When it came to whom it belongs to.</summary>
        public DateTimeOffset Since { get; set; }
    }

    /// <summary>How many a next hop has, and how many are its own by its weight.</summary>
    private sealed class Share(NumberedNextHop hop)
    {
        public NumberedNextHop Hop => hop;

        public int Has { get; set; }

        public int Wants { get; set; }
    }
}
