using System.Buffers.Binary;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Faults;

/// <summary>
/// Another program on the same machine (Docker, firewalld, an administrator): it has an nf_tables table and a link of its own, changes them again and
/// again, and knows what they should hold, so that it can tell when somebody else has touched them.
/// </summary>
public sealed class ForeignWriter : IDisposable
{
    /// <summary>The name of its table, in family ip.</summary>
    public const string TableName = "foreign";

    /// <summary>The name of its link.</summary>
    public const string LinkName = "foreign0";

    private const string SetName = "addresses";
    private const int MostElements = 8;
    private readonly SimulatedKernel _kernel;
    private readonly NftablesConnection _netfilter;
    private readonly RouteConnection _links;
    private readonly NftablesBatch _batch = new();
    private TableContent? _table;
    private Link? _link;
    private uint _written;

    /// <summary>Makes the table and the link.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public ForeignWriter(SimulatedKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        _kernel = kernel;
        using IDisposable pause = kernel.Faults.Pause();
        _netfilter = NftablesConnection.Open(kernel);
        _links = RouteConnection.Open(kernel);
        _batch.Add(new Table { Family = NftablesFamily.Ip, Name = TableName });
        _batch.Add(new NftablesSet { Family = NftablesFamily.Ip, Table = TableName, Name = SetName, Id = 1, KeyType = 7, KeyLength = 4 });
        _batch.Add(Chain.Base(NftablesFamily.Ip, TableName, "forward", "filter", new ChainHook(2, 10)));
        _netfilter.Send(_batch);
        kernel.Wait(_links.AddLinkAsync(new Link { Name = LinkName, Alias = "not of this cloud", Info = new LinkInfo { Kind = "dummy" } }).AsTask());
        Write();
    }

    /// <summary>Changes its own table and its own link once more; the rule set has a new generation afterwards.</summary>
    public void Write()
    {
        using IDisposable pause = _kernel.Faults.Pause();
        _written++;
        _batch.Clear();
        Element(_written, remove: false);
        if (_written > MostElements)
        {
            Element(_written - MostElements, remove: true);
        }

        _netfilter.Send(_batch);
        if (_link is not null)
        {
            _kernel.Wait(_links.ChangeLinkAsync(new Link { Index = _link.Index, Mtu = 1400 + _written % 100 }).AsTask());
        }

        _table = Table();
        _link = Link();
    }

    /// <summary>What somebody else has changed of what is this program's; empty where nothing.</summary>
    public IReadOnlyList<string> Differences()
    {
        using IDisposable pause = _kernel.Faults.Pause();
        var differences = new List<string>();
        if (Table() is not { } table)
        {
            differences.Add($"{_kernel.HostName}: the foreign table is gone");
        }
        else if (!table.Equals(_table))
        {
            differences.Add($"{_kernel.HostName}: the foreign table was changed");
        }

        if (Link() is not { } link)
        {
            differences.Add($"{_kernel.HostName}: the foreign link is gone");
        }
        else if (link.Name != _link!.Name || link.Mtu != _link.Mtu || link.IsUp != _link.IsUp || link.Master != _link.Master || link.Alias != _link.Alias || link.Index != _link.Index)
        {
            differences.Add($"{_kernel.HostName}: the foreign link was changed");
        }

        return differences;
    }

    /// <summary>Closes its sockets; table and link stay.</summary>
    public void Dispose()
    {
        _netfilter.Dispose();
        _links.Dispose();
    }

    private TableContent? Table() => _netfilter.ReadTable(NftablesFamily.Ip, TableName);

    private Link? Link()
    {
        Task<Link?> found = _links.FindLinkAsync(LinkName).AsTask();
        _kernel.Wait(found);
        return found.GetAwaiter().GetResult();
    }

    private void Element(uint number, bool remove)
    {
        Span<byte> key = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(key, 0x0afe0000 + number);
        using NftablesBatch.ElementWriter writer = remove
            ? _batch.DeleteElements(NftablesFamily.Ip, TableName, SetName)
            : _batch.AddElements(NftablesFamily.Ip, TableName, SetName);
        writer.Add(key);
    }
}
