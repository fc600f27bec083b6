namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>A table (struct nft_table).</summary>
internal sealed class Table(byte family, string name, ulong handle) : INamedObject
{
    private ulong _lastHandle;

    public byte Family { get; } = family;

    public string Name { get; } = name;

    public ulong Handle { get; } = handle;

    public bool IsDeleted { get; set; }

    public uint Flags { get; set; }

    public byte[]? UserData { get; init; }

    /// <summary>Port id of the socket that owns the table; 0 for none, also after an owner of a persistent table has gone.</summary>
    public uint Owner { get; set; }

    /// <summary>Chains, sets, objects and flowtables in it.</summary>
    public uint Use { get; set; }

    public NamedList<Chain> Chains { get; } = new();

    public NamedList<Set> Sets { get; } = new();

    public ObjectList Objects { get; } = new();

    public NamedList<Flowtable> Flowtables { get; } = new();

    /// <summary>A batch that failed does not give its handles back.</summary>
    public ulong AllocateHandle() => ++_lastHandle;
}
