namespace EucaNet.Engine;

/// <summary>One caller's turn at an engine; disposing it lets the next one in.</summary>
internal readonly struct Turn(SemaphoreSlim gate) : IDisposable
{
    public void Dispose() => gate.Release();
}
