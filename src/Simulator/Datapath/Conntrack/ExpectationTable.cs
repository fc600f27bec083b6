using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>The connections that are waited for (nf_conntrack_expect.c).</summary>
internal sealed class ExpectationTable(TimeProvider time, ParameterTable parameters, TrackingStatistics statistics)
{
    private readonly List<Expectation> _expectations = [];
    private uint _lastId;
    private bool _hasUnborn;

    /// <summary>Tells of expectations that came, and of those that went.</summary>
    public event Action<Expectation, ExpectationEvents>? Changed;

    /// <summary>All that are waited for, newest first.</summary>
    public IEnumerable<Expectation> All
    {
        get
        {
            Expire();
            ForgetUnborn();
            return Enumerable.Reverse(_expectations);
        }
    }

    /// <summary>The next expectation's number.</summary>
    public uint NextId() => ++_lastId;

    /// <summary>The expectation that a tuple fulfils.</summary>
    public Expectation? Find(ConnectionTuple tuple, ConnectionZone zone) => All.FirstOrDefault(expectation => expectation.Expects(tuple, zone));

    /// <summary>Waits for a connection (nf_ct_expect_related): the time is its helper's, unless one was given.</summary>
    public LinuxError Add(Expectation expectation)
    {
        Connection master = expectation.Master;
        if (!master.CanExpect)
        {
            return LinuxError.ESHUTDOWN;
        }

        Expire();
        foreach (Expectation other in Enumerable.Reverse(_expectations).Where(other => other.Tuple.Destination == expectation.Tuple.Destination && other.Tuple.DestinationPort == expectation.Tuple.DestinationPort).ToArray())
        {
            if (other.Master == master && other.Repeats(expectation))
            {
                if (other.Class != expectation.Class)
                {
                    return LinuxError.EALREADY;
                }

                Remove(other);
                break;
            }

            if (other.Clashes(expectation))
            {
                return LinuxError.EBUSY;
            }
        }

        if (master.Helper is { } helper)
        {
            ExpectationPolicy policy = helper.Policies[(int)expectation.Class];
            if (CountOf(master, expectation.Class) >= policy.Maximum)
            {
                Remove(_expectations.First(oldest => oldest.Master == master && oldest.Class == expectation.Class));
            }

            expectation.Expires = time.GetUtcNow() + policy.Timeout;
        }

        if (_expectations.Count >= parameters.Number("net/", "netfilter", "nf_conntrack_expect_max"))
        {
            return LinuxError.EMFILE;
        }

        _expectations.Add(expectation);
        _hasUnborn |= !master.IsConfirmed;
        statistics.Expected++;
        Changed?.Invoke(expectation, ExpectationEvents.New);
        return LinuxError.None;
    }

    /// <summary>How many connections of a class are expected for one connection.</summary>
    public int CountOf(Connection master, uint kind) => _expectations.Count(expectation => expectation.Master == master && expectation.Class == kind);

    /// <summary>A new connection's expectation, which has been fulfilled by it (nf_ct_find_expectation).</summary>
    public Expectation? Take(ConnectionTuple tuple, ConnectionZone zone)
    {
        if (_expectations.Count == 0)
        {
            return null;
        }

        Expectation? found = All.FirstOrDefault(expectation => (expectation.Flags & ExpectationFlags.Inactive) == 0 && expectation.Expects(tuple, zone));
        if (found is null || !found.Master.IsConfirmed || found.Master.IsDying)
        {
            return null;
        }

        if ((found.Flags & ExpectationFlags.Permanent) == 0)
        {
            Remove(found);
        }

        return found;
    }

    public void Remove(Expectation expectation)
    {
        if (_expectations.Remove(expectation))
        {
            statistics.Unexpected++;
            Changed?.Invoke(expectation, ExpectationEvents.Destroy);
        }
    }

    /// <summary>Ends those for which <paramref name="match"/> holds.</summary>
    public void RemoveWhere(Predicate<Expectation> match)
    {
        foreach (Expectation expectation in _expectations.FindAll(match))
        {
            Remove(expectation);
        }
    }

    /// <summary>The packet that made them is done with: what it expected goes with its connection, where that was not entered.</summary>
    public void ForgetUnborn()
    {
        if (_hasUnborn)
        {
            _hasUnborn = false;
            RemoveWhere(static expectation => !expectation.Master.IsConfirmed);
        }
    }

    /// <summary>Ends what the clock has ended.</summary>
    private void Expire()
    {
        if (_expectations.Count > 0)
        {
            DateTimeOffset now = time.GetUtcNow();
            RemoveWhere(expectation => expectation.Expires <= now);
        }
    }
}
