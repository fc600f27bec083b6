using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli.Tests.Evidence.Attacks;

/// <summary>An interface that frames of an attack may turn up on.</summary>
internal sealed class Watch(string where, IPacketSocket socket) : IDisposable
{
    private readonly byte[] _frame = new byte[4096];

    /// <summary>Whose interface it is.</summary>
    public string Where { get; } = where;

    /// <summary>The socket, to send with.</summary>
    public IPacketSocket Socket => socket;

    /// <summary>Whether a frame of this kind waits; all that wait are taken.</summary>
    public bool Saw(Func<ReadOnlyMemory<byte>, bool> wanted)
    {
        bool seen = false;
        for (int length; (length = socket.Receive(_frame)) >= 0;)
        {
            seen |= wanted(_frame.AsMemory(0, Math.Min(length, _frame.Length)));
        }

        return seen;
    }

    /// <summary>Whether frames with these octets wait, and whether ones with these others do; all that wait are taken.</summary>
    public (bool First, bool Second) Saw(byte[] first, byte[] second)
    {
        (bool, bool) seen = (false, false);
        _ = Saw(frame =>
        {
            seen = (seen.Item1 | frame.Span.IndexOf(first) >= 0, seen.Item2 | frame.Span.IndexOf(second) >= 0);
            return false;
        });
        return seen;
    }

    public void Dispose() => socket.Dispose();
}
