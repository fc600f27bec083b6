using EucaNet.Simulator.Faults;
using Microsoft.Extensions.Logging;

namespace EucaNet.Cli.Scenarios.Churn;

/// <summary>
/// Reads what the engines of a cloud log, for one thing: an error that carries an exception is a mistake of the engine's that it survived. What kernels refuse
/// is no mistake and carries none; and the exception of a killed process belongs to a program that is no more.
/// </summary>
internal sealed class ChurnLog : ILoggerFactory, ILogger
{
    private readonly List<string> _mistakes = [];

    /// <summary>The mistakes so far, each with its exception.</summary>
    public IReadOnlyList<string> Mistakes => _mistakes;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("Churn reads the log itself.");

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel >= LogLevel.Error && exception is not null and not ProcessKilledException)
        {
            _mistakes.Add($"{formatter(state, exception)} {exception}");
        }
    }

    public void Dispose()
    {
    }
}
