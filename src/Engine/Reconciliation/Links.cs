using System.Net;
using EucaNet.Engine.Modes;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Reconciliation;

/// <summary>A link as the engine sees it.</summary>
internal sealed record LinkView
{
    public required int Index { get; init; }

    public required string Name { get; init; }

    /// <summary>"bridge", "vlan", "veth" …; empty for a plain interface.</summary>
    public string Kind { get; init; } = "";

    /// <summary>The bridge it is a port of, 0 for none.</summary>
    public int MasterIndex { get; init; }

    /// <summary>The link it stands on, 0 for none.</summary>
    public int ParentIndex { get; init; }

    public int? Vlan { get; init; }

    public bool IsUp { get; init; }

    public string Alias { get; init; } = "";

    public MacAddress Mac { get; init; }

    public bool IsBridge => Kind == "bridge";

    /// <summary>We made it: its alias says so.</summary>
    public bool IsOurs => Alias.StartsWith(Links.Mark, StringComparison.Ordinal);

    public static LinkView Of(Link link) => new()
    {
        Index = link.Index,
        Name = link.Name ?? "",
        Kind = link.Kind ?? "",
        MasterIndex = link.Master ?? 0,
        ParentIndex = link.Parent ?? 0,
        Vlan = (link.Data as VlanOptions)?.Id,
        IsUp = link.IsUp,
        Alias = link.Alias ?? "",
        Mac = link.HardwareAddress is { } address && address.TryGetEthernet(out MacAddress mac) ? mac : default,
    };
}

/// <summary>
/// Links and addresses over one rtnetlink connection: looks first, writes only what differs, and says in words what the kernel refused.
/// What it makes carries the mark in its alias.
/// </summary>
internal sealed class Links(EngineContext context) : IAsyncDisposable
{
    /// <summary>How the alias of every link of ours begins.</summary>
    public const string Mark = "eucanet: ";

    private const byte InternetFamily = 2;
    private RouteConnection? _connection;

    private RouteConnection Connection => _connection ??= RouteConnection.Open(context.Kernel);

    /// <summary>The link with a name, or null.</summary>
    public async ValueTask<LinkView?> FindAsync(string name, CancellationToken cancellationToken) =>
        await Connection.FindLinkAsync(name, cancellationToken).ConfigureAwait(false) is { } link ? LinkView.Of(link) : null;

    /// <summary>All links.</summary>
    public async ValueTask<IReadOnlyList<LinkView>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await Connection.GetLinksAsync(cancellationToken: cancellationToken).ConfigureAwait(false)).Select(LinkView.Of)];

    /// <summary>The link that a configuration key names.</summary>
    /// <exception cref="EngineException">There is none.</exception>
    public async ValueTask<LinkView> RequireAsync(string name, string key, CancellationToken cancellationToken)
    {
        if (await FindAsync(name, cancellationToken).ConfigureAwait(false) is { } link)
        {
            return link;
        }

        IReadOnlyList<LinkView> links = await ListAsync(cancellationToken).ConfigureAwait(false);
        string[] names = [.. links.Where(l => !l.IsOurs && l.Name != "lo").Select(l => l.Name).Take(12)];
        throw new EngineException($"interface {name} ({key})", "there is no such interface on this machine",
            names.Length > 0 ? $"correct {key}; there are {string.Join(", ", names)}" : $"correct {key}");
    }

    /// <summary>The interface that a hypervisor made for an instance.</summary>
    /// <exception cref="EngineException">There is none.</exception>
    public async ValueTask<LinkView> RequireInstanceAsync(string name, string instanceId, CancellationToken cancellationToken) =>
        await FindAsync(name, cancellationToken).ConfigureAwait(false)
        ?? throw new EngineException($"interface {name} of instance {instanceId}", "there is no such interface on this machine", "start the instance first; the hypervisor makes its interface");

    /// <summary>A VLAN device with our mark; one that is there and is the same is taken as it is.</summary>
    public async ValueTask<LinkView> EnsureVlanAsync(string name, LinkView parent, int vlan, string purpose, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (await FindAsync(name, cancellationToken).ConfigureAwait(false) is { } there)
        {
            return there.Kind == "vlan" && there.Vlan == vlan && there.ParentIndex == parent.Index
                ? there
                : throw new EngineException($"interface {name}", $"it exists and is not VLAN {vlan} on {parent.Name}", $"remove it (ip link delete {name}) or rename it");
        }

        var wanted = new Link { Name = name, Parent = parent.Index, Alias = Alias(purpose), Info = LinkInfo.Of(new VlanOptions { Id = (ushort)vlan }) };
        try
        {
            try
            {
                await MakeAsync(wanted, cancellationToken).ConfigureAwait(false);
            }
            catch (NetlinkException taken) when (taken.IsAlreadyThere)
            {
                await RemoveRenamedAsync(parent, vlan, changes, cancellationToken).ConfigureAwait(false);
                await MakeAsync(wanted, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (NetlinkException refused) when (refused.Error == LinuxError.EOPNOTSUPP)
        {
            throw new EngineException($"VLAN device {name}", "this machine's kernel lacks 802.1Q (the module 8021q)", "load or install the module (modprobe 8021q), or use SYSTEM or STATIC mode", inner: refused);
        }
        catch (Exception refused) when (refused is KernelException or TimeoutException)
        {
            throw Refused($"VLAN device {name}", refused);
        }

        changes.Add(ChangeKind.LinkAdded, name, $"VLAN {vlan} on {parent.Name}");
        return await RequireMadeAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A bridge with our mark, forward delay 0 and no spanning tree, so that a port forwards at once.</summary>
    public async ValueTask<LinkView> EnsureBridgeAsync(string name, string purpose, MacAddress mac, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (await FindAsync(name, cancellationToken).ConfigureAwait(false) is { } there)
        {
            return there.IsBridge ? there : throw new EngineException($"interface {name}", "it exists and is not a bridge", $"remove it (ip link delete {name}) or rename it");
        }

        byte[] address = new byte[6];
        mac.CopyTo(address);
        var wanted = new Link { Name = name, Alias = Alias(purpose), HardwareAddress = new HardwareAddress(address), Info = LinkInfo.Of(new BridgeOptions { ForwardDelay = 0, SpanningTree = 0, MulticastSnooping = false }) };
        try
        {
            await MakeAsync(wanted, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is KernelException or TimeoutException)
        {
            throw Refused($"bridge {name}", refused);
        }

        changes.Add(ChangeKind.LinkAdded, name, "bridge");
        return await RequireMadeAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes a link a port of a bridge, or takes it out.</summary>
    public async ValueTask SetMasterAsync(LinkView link, LinkView? master, ChangeLog changes, CancellationToken cancellationToken)
    {
        try
        {
            await Connection.SetMasterAsync(link.Index, master?.Index ?? 0, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is KernelException or TimeoutException)
        {
            throw Refused($"interface {link.Name}", refused);
        }

        changes.Add(ChangeKind.LinkChanged, link.Name, master is null ? "out of its bridge" : $"port of {master.Name}");
    }

    /// <summary>Sets a link up.</summary>
    public async ValueTask SetUpAsync(LinkView link, ChangeLog changes, CancellationToken cancellationToken)
    {
        try
        {
            await Connection.SetUpAsync(link.Index, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is KernelException or TimeoutException)
        {
            throw Refused($"interface {link.Name}", refused);
        }

        changes.Add(ChangeKind.LinkChanged, link.Name, "up");
    }

    /// <summary>Removes a link; one that is gone already is no error.</summary>
    public async ValueTask DeleteAsync(LinkView link, ChangeLog changes, CancellationToken cancellationToken)
    {
        try
        {
            await Connection.DeleteLinkAsync(link.Index, cancellationToken).ConfigureAwait(false);
        }
        catch (NetlinkException refused) when (refused.IsNotFound)
        {
            return;
        }
        catch (Exception refused) when (refused is KernelException or TimeoutException)
        {
            throw Refused($"interface {link.Name}", refused);
        }

        changes.Add(ChangeKind.LinkRemoved, link.Name, link.Kind);
    }

    /// <summary>The IPv4 addresses of a link with their prefix lengths.</summary>
    public async ValueTask<IReadOnlyList<(Ipv4Address Address, int PrefixLength)>> AddressesAsync(LinkView link, CancellationToken cancellationToken)
    {
        List<InterfaceAddress> all = await Connection.GetAddressesAsync(link.Index, InternetFamily, cancellationToken).ConfigureAwait(false);
        return [.. all.Where(a => a.Index == link.Index && a.Family == InternetFamily && a.Host is not null).Select(a => (Ipv4Address.Read(a.Host!.GetAddressBytes()), (int)a.PrefixLength))];
    }

    /// <summary>The IPv4 addresses of all links, each with its link's number and its prefix length.</summary>
    public async ValueTask<IReadOnlyList<(int LinkIndex, Ipv4Address Address, int PrefixLength)>> AddressesAsync(CancellationToken cancellationToken)
    {
        List<InterfaceAddress> all = await Connection.GetAddressesAsync(family: InternetFamily, cancellationToken: cancellationToken).ConfigureAwait(false);
        return [.. all.Where(a => a.Family == InternetFamily && a.Host is not null).Select(a => (a.Index, Ipv4Address.Read(a.Host!.GetAddressBytes()), (int)a.PrefixLength))];
    }

    /// <summary>Puts an address on a link; true when it was not there.</summary>
    public async ValueTask<bool> EnsureAddressAsync(LinkView link, Ipv4Address address, int prefixLength, Ipv4Address? broadcast, ChangeLog changes, CancellationToken cancellationToken)
    {
        InterfaceAddress wanted = InterfaceAddress.Of(link.Index, new IPAddress(address.ToBytes()), prefixLength) with { Broadcast = broadcast is { } b ? new IPAddress(b.ToBytes()) : null };
        try
        {
            await Connection.AddAddressAsync(wanted, cancellationToken).ConfigureAwait(false);
        }
        catch (NetlinkException refused) when (refused.IsAlreadyThere)
        {
            return false;
        }
        catch (Exception refused) when (refused is KernelException or TimeoutException)
        {
            throw Refused($"address {address} on {link.Name}", refused);
        }

        changes.Add(ChangeKind.AddressAdded, $"{address}/{prefixLength}", $"on {link.Name}");
        return true;
    }

    /// <summary>Takes an address off a link; one that is gone already is no error.</summary>
    public async ValueTask RemoveAddressAsync(LinkView link, Ipv4Address address, int prefixLength, ChangeLog changes, CancellationToken cancellationToken)
    {
        try
        {
            await Connection.DeleteAddressAsync(InterfaceAddress.Of(link.Index, new IPAddress(address.ToBytes()), prefixLength), cancellationToken).ConfigureAwait(false);
        }
        catch (NetlinkException refused) when (refused.IsNotFound)
        {
            return;
        }
        catch (Exception refused) when (refused is KernelException or TimeoutException)
        {
            throw Refused($"address {address} on {link.Name}", refused);
        }

        changes.Add(ChangeKind.AddressRemoved, $"{address}/{prefixLength}", $"from {link.Name}");
    }

    /// <summary>The IPv4 neighbour table.</summary>
    public async ValueTask<IReadOnlyList<Neighbour>> NeighboursAsync(CancellationToken cancellationToken) =>
        await Connection.GetNeighboursAsync(family: InternetFamily, cancellationToken: cancellationToken).ConfigureAwait(false);

    /// <summary>Takes IPv6 off a link that instances reach: the kernel would answer them on its link-local address past every guard.</summary>
    public static void Harden(IKernel kernel, string name)
    {
        string path = $"net/ipv6/conf/{name}/disable_ipv6";
        if (kernel.ReadParameter(path) == "0")
        {
            kernel.WriteParameter(path, "1");
        }
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        _connection?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string Alias(string purpose) => Mark + (purpose.Length > 200 ? purpose[..200] : purpose);

    // The kernel heeds no alias while it makes a link. Both requests go in one datagram, so that whatever happens to this process there never is a link of
    // ours without the mark, which nobody would ever clear away.
    private async ValueTask MakeAsync(Link wanted, CancellationToken cancellationToken)
    {
        try
        {
            await Connection.CreateBatch().AddLink(wanted).ChangeLink(new Link { Name = wanted.Name, Alias = wanted.Alias }).ExecuteAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (NetlinkException refused) when (!refused.IsAlreadyThere)
        {
            await RemoveUnmarkedAsync(wanted, cancellationToken).ConfigureAwait(false);
            throw;
        }
    }

    // Where the kernel made the link and refused the mark, it must not stay as a stranger.
    private async ValueTask RemoveUnmarkedAsync(Link wanted, CancellationToken cancellationToken)
    {
        try
        {
            if (await FindAsync(wanted.Name!, cancellationToken).ConfigureAwait(false) is { IsOurs: false } made && made.Kind == wanted.Info!.Kind)
            {
                await Connection.DeleteLinkAsync(made.Index, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (KernelException)
        {
            // What the caller is told of is what went wrong first.
        }
    }

    /// <summary>
    /// A parent has one device of a VLAN. Where that is ours under a name that another program gave it, it goes: a new name would need it to be down on many kernels.
    /// </summary>
    private async ValueTask RemoveRenamedAsync(LinkView parent, int vlan, ChangeLog changes, CancellationToken cancellationToken)
    {
        IReadOnlyList<LinkView> links = await ListAsync(cancellationToken).ConfigureAwait(false);
        if (links.FirstOrDefault(link => link.Kind == "vlan" && link.Vlan == vlan && link.ParentIndex == parent.Index) is not { } holder)
        {
            return;
        }

        if (!holder.IsOurs)
        {
            throw new EngineException($"interface {holder.Name}", $"it has VLAN {vlan} on {parent.Name} and is not ours", $"remove it (ip link delete {holder.Name}) or give us other VLANs");
        }

        await DeleteAsync(holder, changes, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<LinkView> RequireMadeAsync(string name, CancellationToken cancellationToken) =>
        await FindAsync(name, cancellationToken).ConfigureAwait(false) ?? throw new EngineException($"interface {name}", "it vanished while it was being made", "look for another program that manages interfaces");

    private static EngineException Refused(string subject, Exception refused) =>
        new(subject, refused.Message, refused is KernelException { Error: LinuxError.EPERM } ? "run as root, or with CAP_NET_ADMIN" : null, inner: refused);
}
