namespace EucaNet.Simulator.Datapath.Proxy;

/// <summary>What a connection keeps whose handshake was done in its server's stead (struct nf_conn_synproxy).</summary>
internal sealed class ProxiedHandshake
{
    /// <summary>The number that the client was given in the server's name.</summary>
    public uint Initial { get; set; }

    /// <summary>The time that the client was given in the server's name.</summary>
    public uint InitialTimestamp { get; set; }

    /// <summary>How far the server's own clock is ahead of that.</summary>
    public uint TimestampOffset { get; set; }
}
