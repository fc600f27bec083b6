namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>The directions for which a zone counts (NF_CT_ZONE_DIR_*, same numbers).</summary>
[Flags]
internal enum ZoneDirections : byte
{
    None = 0,
    Original = 1 << ConnectionDirection.Original,
    Reply = 1 << ConnectionDirection.Reply,
    Both = Original | Reply,
}

/// <summary>Which of several tables a connection is in: equal tuples of different zones are different connections (struct nf_conntrack_zone).</summary>
/// <param name="Id">The zone's number; 0 is the one of connections that no rule puts elsewhere.</param>
/// <param name="Directions">The directions whose tuples are in that zone; the others are in zone 0.</param>
internal readonly record struct ConnectionZone(ushort Id, ZoneDirections Directions = ZoneDirections.Both)
{
    /// <summary>The zone that the tuple of a direction is looked for in (nf_ct_zone_id).</summary>
    public ushort Of(ConnectionDirection direction) => ((int)Directions & 1 << (int)direction) != 0 ? Id : (ushort)0;
}
