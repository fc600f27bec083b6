namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>
/// A match or target of xtables as its module declares it (struct xt_match, xt_target): the size of its data, how much of it is user
/// space's, and where it may stand.
/// </summary>
/// <param name="Name">Its name; matches are in lower case, targets mostly in upper.</param>
/// <param name="Revision">The data's version.</param>
/// <param name="Family">NFPROTO_*; 0 for any.</param>
/// <param name="Size">Bytes of data, before rounding up to eight; -1 for variable.</param>
internal sealed record Extension(string Name, byte Revision, byte Family, int Size)
{
    /// <summary>Bytes that user space gets back; the rest reads as 0. 0 for all.</summary>
    public int UserSize { get; init; }

    /// <summary>The only table it may stand in.</summary>
    public string? Table { get; init; }

    /// <summary>The hooks it may be reached from, a bit each; 0 for any.</summary>
    public uint Hooks { get; init; }

    /// <summary>The transport protocol that its rule must name.</summary>
    public byte Protocol { get; init; }

    /// <summary>Bytes of data as they stand in a rule.</summary>
    public int AlignedSize => Size + 7 & ~7;
}
