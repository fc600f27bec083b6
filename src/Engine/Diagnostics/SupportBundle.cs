using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using EucaNet.Engine.Configuration;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;

namespace EucaNet.Engine.Diagnostics;

/// <summary>A file of the bundle.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Text">Its content.</param>
public sealed record SupportFile(string Name, string Text);

/// <summary>
/// What the manual asks users to send along with a question: routes, interfaces, bridges, rules and logs of one machine (its <c>netstat -rn</c>, <c>ifconfig -a</c>,
/// <c>brctl show</c>, <c>iptables-save</c>), and what the doctor says. Reads only; what cannot be read says why in its file.
/// </summary>
public static class SupportBundle
{
    /// <summary>Collects the files.</summary>
    /// <param name="kernel">The machine.</param>
    /// <param name="configuration">Its configuration; null leaves the doctor out.</param>
    /// <param name="logs">Logs by file name, as <c>cc.log</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async ValueTask<IReadOnlyList<SupportFile>> CollectAsync(IKernel kernel, NetworkConfiguration? configuration = null, IReadOnlyDictionary<string, string>? logs = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        var files = new List<SupportFile>();
        async ValueTask AddAsync(string name, Func<ValueTask<string>> read)
        {
            string text;
            try
            {
                text = await read().ConfigureAwait(false);
            }
            catch (Exception refused) when (refused is KernelException or EngineException or IptablesTableException)
            {
                text = $"could not be read: {refused.Message}\n";
            }

            files.Add(new SupportFile(name, text));
        }

        using RouteConnection route = RouteConnection.Open(kernel);
        await AddAsync("routes.txt", async () => Lines((await route.GetRoutesAsync(cancellationToken: cancellationToken).ConfigureAwait(false)).Select(r => r.ToString()))).ConfigureAwait(false);
        await AddAsync("interfaces.txt", async () => Interfaces(
            await route.GetLinksAsync(cancellationToken: cancellationToken).ConfigureAwait(false),
            await route.GetAddressesAsync(cancellationToken: cancellationToken).ConfigureAwait(false))).ConfigureAwait(false);
        await AddAsync("bridges.txt", async () => Bridges(await route.GetLinksAsync(cancellationToken: cancellationToken).ConfigureAwait(false))).ConfigureAwait(false);
        await AddAsync("neighbours.txt", async () => Lines((await route.GetNeighboursAsync(cancellationToken: cancellationToken).ConfigureAwait(false))
            .Select(n => $"{n.Destination} dev {n.Index} lladdr {n.HardwareAddress} {n.State}"))).ConfigureAwait(false);
        await AddAsync("ruleset.nft", () => ValueTask.FromResult(Ruleset(kernel))).ConfigureAwait(false);
        await AddAsync("iptables-save.txt", () => ValueTask.FromResult(IptablesSave(kernel))).ConfigureAwait(false);
        await AddAsync("parameters.txt", () => ValueTask.FromResult(Lines(new[] { "net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables", "net/ipv4/conf/all/rp_filter" }
            .Select(p => $"{p} = {kernel.ReadParameter(p) ?? "(none)"}")))).ConfigureAwait(false);
        if (configuration is not null)
        {
            await AddAsync("doctor.txt", async () => Lines((await Doctor.ExamineAsync(kernel, configuration, cancellationToken: cancellationToken).ConfigureAwait(false)).Select(f => f.ToString()))).ConfigureAwait(false);
        }

        foreach ((string name, string text) in logs ?? new Dictionary<string, string>())
        {
            files.Add(new SupportFile(name, text));
        }

        return files;
    }

    /// <summary>Writes the files as one <c>.tar.gz</c>.</summary>
    public static async ValueTask WriteAsync(IReadOnlyList<SupportFile> files, Stream destination, TimeProvider time, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(time);
        var zip = new GZipStream(destination, CompressionLevel.Optimal, leaveOpen: true);
        await using (zip.ConfigureAwait(false))
        {
            var tar = new TarWriter(zip, leaveOpen: true);
            await using (tar.ConfigureAwait(false))
            {
                foreach (SupportFile file in files)
                {
                    var entry = new UstarTarEntry(TarEntryType.RegularFile, "eucanet-support/" + file.Name)
                    {
                        DataStream = new MemoryStream(Encoding.UTF8.GetBytes(file.Text)),
                        ModificationTime = time.GetUtcNow(),
                    };
                    await tar.WriteEntryAsync(entry, cancellationToken).ConfigureAwait(false);
                }
            }
        }
    }

    private static string Lines(IEnumerable<string> lines) => string.Concat(lines.Select(l => l + "\n"));

    private static string Interfaces(List<Link> links, List<InterfaceAddress> addresses)
    {
        var text = new StringBuilder();
        foreach (Link link in links)
        {
            text.Append(CultureInfo.InvariantCulture, $"{link.Index}: {link.Name} {link.Kind} {(link.IsUp ? "up" : "down")} mtu {link.Mtu} lladdr {link.HardwareAddress} {link.Alias}\n");
            foreach (InterfaceAddress address in addresses.Where(a => a.Index == link.Index))
            {
                text.Append(CultureInfo.InvariantCulture, $"    {address.Host}/{address.PrefixLength} {address.Label}\n");
            }
        }

        return text.ToString();
    }

    private static string Bridges(List<Link> links) => Lines(links.Where(l => l.Kind == "bridge")
        .Select(b => $"{b.Name} {b.HardwareAddress} {string.Join(' ', links.Where(l => l.Master == b.Index).Select(l => l.Name))}"));

    private static string Ruleset(IKernel kernel)
    {
        using NftablesConnection connection = NftablesConnection.Open(kernel);
        var entities = new List<NftablesEntity>();
        foreach (TableContent table in connection.ReadRuleset().Tables)
        {
            entities.Add(table.Table);
            foreach (SetContent set in table.Sets)
            {
                entities.Add(set.Set);
                entities.Add(new SetElementList { Family = set.Set.Family, Table = set.Set.Table, Set = set.Set.Name, Elements = set.Elements });
            }

            foreach (NftablesObject item in table.Objects)
            {
                entities.Add(item);
            }

            foreach (Flowtable flowtable in table.Flowtables)
            {
                entities.Add(flowtable);
            }

            foreach (ChainContent chain in table.Chains)
            {
                entities.Add(chain.Chain);
                entities.AddRange(chain.Rules);
            }
        }

        return RuleSetText.Of(entities);
    }

    private static string IptablesSave(IKernel kernel)
    {
        IptablesInterfaceChoice choice = IptablesTables.Detect(kernel);
        using IptablesTables tables = IptablesTables.Open(kernel, choice.Interface);
        return $"# {choice.Reason}\n{tables.Read().ToText(counters: true, choice.Interface)}";
    }
}
