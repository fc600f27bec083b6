using System.Net;

namespace EucaNet.Simulator.Fabric;

/// <summary>What became of a packet that was sent to see whether it arrives.</summary>
/// <param name="Reached">An answer came (of UDP: the listener got the datagram).</param>
/// <param name="Reason">Where it didn't: what came back instead ("port unreachable from 10.0.0.1"), or where it was dropped.</param>
/// <param name="SeenAs">The address under which the listener saw the sender; null where nobody listened.</param>
/// <param name="Trace">The packet's way.</param>
public sealed record ProbeResult(bool Reached, string? Reason, IPAddress? SeenAs, PacketTrace Trace)
{
    /// <summary>The packet's way in short.</summary>
    public string Path => Trace.Path;

    /// <inheritdoc />
    public override string ToString() => Reached ? $"reached: {Path}" : $"not reached ({Reason}): {Path}";
}
