using EucaNet.Engine;
using EucaNet.Engine.Configuration;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Faults;

namespace EucaNet.Cli.Scenarios.Churn;

/// <summary>A machine that the engine runs on as a process that dies and is started again; another program works beside it.</summary>
internal sealed class ChurnMachine
{
    private readonly NetworkConfiguration _configuration;
    private readonly EngineOptions _options;
    private long? _killNextAt;

    public ChurnMachine(SimulatedHost host, NetworkConfiguration configuration, EngineOptions options)
    {
        Host = host;
        _configuration = configuration;
        _options = options;
        Foreign = new ForeignWriter(host.Kernel);
        Observer = new ChurnObserver(host);
    }

    public SimulatedHost Host { get; }

    /// <summary>The other program.</summary>
    public ForeignWriter Foreign { get; }

    /// <summary>A program that follows the kernel's events.</summary>
    public ChurnObserver Observer { get; }

    /// <summary>The engine's process; null before the first start.</summary>
    public SimulatedProcess? Process { get; private set; }

    /// <summary>The front-end, where the machine is one and the engine runs.</summary>
    public FrontEnd? FrontEnd { get; private set; }

    /// <summary>The node, where the machine is one and the engine runs.</summary>
    public Node? Node { get; private set; }

    public bool IsRunning => Process is { IsDead: false } && (FrontEnd is not null || Node is not null);

    /// <summary>Starts the engine in a new process; throws what it throws, and nothing runs then.</summary>
    public ChangeSummary Start()
    {
        Stop();
        Process = Host.Kernel.StartProcess("engine");
        Process.KillAt = _killNextAt;
        try
        {
            if (_configuration.Role == EngineRole.FrontEnd)
            {
                FrontEnd = new FrontEnd(Process, _configuration, _options);
                return Await(FrontEnd.StartAsync());
            }

            Node = new Node(Process, _configuration, _options);
            return Await(Node.StartAsync());
        }
        catch
        {
            Stop();
            throw;
        }
    }

    /// <summary>Starts the engine so that it dies at a system call of its start; false where its start makes fewer.</summary>
    public bool StartAndDieAt(long systemCall)
    {
        _killNextAt = systemCall;
        try
        {
            Start();
            return false;
        }
        catch (ProcessKilledException)
        {
            return true;
        }
        finally
        {
            _killNextAt = null;
        }
    }

    /// <summary>The engine's journal as it stands in its file, while the engine is stopped.</summary>
    public byte[] ReadJournal() => File.ReadAllBytes(JournalFile);

    /// <summary>Puts another one in its place, while the engine is stopped.</summary>
    public void WriteJournal(ReadOnlySpan<byte> bytes) => File.WriteAllBytes(JournalFile, bytes.ToArray());

    private string JournalFile => Path.Combine(_options.StateDirectory!, _configuration.Role == EngineRole.FrontEnd ? "front-end.journal" : "node.journal");

    /// <summary>Ends the engine, dead or alive, and closes its files.</summary>
    public void Stop()
    {
        try
        {
            if (FrontEnd is not null)
            {
                Await(FrontEnd.DisposeAsync());
            }

            if (Node is not null)
            {
                Await(Node.DisposeAsync());
            }
        }
        catch (ProcessKilledException)
        {
            // It was dead already.
        }

        FrontEnd = null;
        Node = null;
        Process?.Kill();
    }

    /// <summary>Reconciles; what was written.</summary>
    /// <exception cref="ChurnException">The engine does not run: the machine has not converged.</exception>
    public ChangeSummary Reconcile() => (FrontEnd, Node) switch
    {
        ({ } front, _) => Await(front.ReconcileAsync()),
        (_, { } node) => Await(node.ReconcileAsync()),
        _ => throw new ChurnException(ChurnVerdict.NotConverged, $"the engine of {Host.Name} does not run"),
    };

    /// <summary>Waits for an operation, virtual time passing.</summary>
    public T Await<T>(ValueTask<T> operation)
    {
        Task<T> task = operation.AsTask();
        Host.Kernel.Wait(task);
        return task.GetAwaiter().GetResult();
    }

    private void Await(ValueTask operation) => Host.Kernel.Wait(operation.AsTask());
}
