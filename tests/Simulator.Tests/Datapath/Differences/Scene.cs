using System.Diagnostics;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>
/// One arrangement on two kernels, the real one and the simulated: the same requests set both up, the same frames go through both, and every
/// frame that comes out must be the same on both. What a test asserts besides is where they came out, so that two kernels that both do nothing are not taken for agreement.
/// </summary>
internal sealed class Scene : IDisposable
{
    private readonly RealLab _real = new(Topology.Bare);
    private readonly SimulatedLab _simulated;
    private readonly Stopwatch _watch = new();

    /// <param name="setUp">What an administrator does; done on both kernels.</param>
    /// <param name="watched">Interfaces of the machine whose received frames are compared too, beside what leaves by the ports.</param>
    public Scene(Action<SceneMachine> setUp, params string[] watched)
    {
        try
        {
            _simulated = new SimulatedLab(Topology.Bare);
            SetUp(setUp, watched);
        }
        catch
        {
            _real.Dispose();
            throw;
        }
    }

    private void SetUp(Action<SceneMachine> setUp, string[] watched)
    {
        Do(setUp);
        foreach (string device in watched)
        {
            _real.Watch(device);
            _simulated.Watch(device);
        }

        // What the set-up itself sent (announcements, reports) is nobody's.
        Thread.Sleep(50);
        _watch.Start();
        _real.Collect();
        _simulated.Collect();
    }

    /// <summary>Messages about groups from the ports' stations are compared too.</summary>
    public void ShowGroups() => _real.ShowsGroups = _simulated.ShowsGroups = true;

    /// <summary>Frames of the last exchange, as both kernels gave them.</summary>
    public IReadOnlyList<string> Frames { get; private set; } = [];

    /// <summary>What the simulated kernel tells of the last frame's way.</summary>
    public string Story => _simulated.Story;

    /// <summary>Does the same on both kernels.</summary>
    public void Do(Action<SceneMachine> change)
    {
        foreach (DifferenceLab lab in (DifferenceLab[])[_real, _simulated])
        {
            using var machine = new SceneMachine(lab.Kernel);
            change(machine);
        }
    }

    /// <summary>Asks both kernels the same; the answers must be equal.</summary>
    public T Ask<T>(Func<SceneMachine, T> question)
    {
        KeepPace();
        using var real = new SceneMachine(_real.Kernel);
        using var simulated = new SceneMachine(_simulated.Kernel);
        T expected = question(real);
        Assert.That(question(simulated), Is.EqualTo(expected), "what the simulated kernel says, beside the real one");
        return expected;
    }

    /// <summary>A frame comes in by a port (0 to 2). The result names where frames came out, in order of their names.</summary>
    public string[] Receive(int port, byte[] frame) => Exchange(DifferenceLab.Outer(port), frame);

    /// <summary>The machine sends a frame by a watched interface.</summary>
    public string[] Send(string device, byte[] frame) => Exchange(device, frame);

    /// <summary>Loads rules, as nft reads them, on both kernels.</summary>
    public void Load(string rules)
    {
        Assert.That(_real.Load(rules.Split('\n')), Is.Null, "nft");
        _simulated.Load(_real.ReadRuleset());
    }

    /// <summary>The simulated clock goes on by what the real one went.</summary>
    private void KeepPace()
    {
        _simulated.Advance(_watch.Elapsed);
        _watch.Restart();
    }

    /// <summary>What rules counted, the same on both.</summary>
    public string[] AskCounters()
    {
        List<string> real = _real.Counters();
        Assert.That(_simulated.Counters(), Is.EqualTo(real), "simulated, beside real");
        return [.. real];
    }

    /// <summary>The far end of a port takes the signal away, and the machine has time to see it.</summary>
    public void Unplug(int port) => SetPlugged(port, false);

    public void Plug(int port) => SetPlugged(port, true);

    private void SetPlugged(int port, bool plugged)
    {
        _real.SetPlugged(port, plugged);
        _simulated.SetPlugged(port, plugged);
        Pass(TimeSpan.FromMilliseconds(400));
    }

    /// <summary>Time passes on the simulated kernel's clock; the real one waits by itself.</summary>
    public void Pass(TimeSpan time)
    {
        Thread.Sleep(time);
        KeepPace();
        _real.Collect();
        _simulated.Collect();
    }

    /// <summary>Time passes on both, and what came out meanwhile must be the same: the names as <see cref="Receive"/> gives them. The moments need not be, so they must lie well within.</summary>
    public string[] Later(TimeSpan time)
    {
        Thread.Sleep(time);
        _simulated.Advance(_watch.Elapsed);
        _watch.Restart();
        return Compare(_simulated.Collect(), _real.Collect());
    }

    public void Dispose()
    {
        _real.Dispose();
        _simulated.Dispose();
    }

    private string[] Exchange(string device, byte[] frame)
    {
        KeepPace();
        List<string> simulated = _simulated.TellBy(device, frame), real = _real.SendBy(device, frame, simulated.Count);

        // One more than expected takes as long to come as the first did.
        Thread.Sleep(5);
        real.AddRange(_real.Collect());
        return Compare(simulated, real);
    }

    private string[] Compare(List<string> simulated, List<string> real)
    {
        simulated.Sort(StringComparer.Ordinal);
        real.Sort(StringComparer.Ordinal);
        Assert.That(simulated, Is.EqualTo(real), () => $"simulated, beside real\n{Story}");
        Frames = real;
        return [.. real.Select(static line => line[..line.IndexOf(' ', StringComparison.Ordinal)])];
    }
}
