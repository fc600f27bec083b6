using System.Net.Sockets;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Nftables.Compat;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Xtables;

/// <summary>The tables of ip_tables and ip6_tables. A table comes to be when it is asked for the first time, and then stays in the hooks.</summary>
internal sealed class XtablesSubsystem(SimulatedKernel kernel)
{
    private readonly Dictionary<(byte Family, string Name), XtablesTable> _tables = [];

    public SimulatedKernel Kernel => kernel;

    /// <summary>Opens a raw socket whose options reach the tables of a family.</summary>
    public IXtablesSocket Open(AddressFamily family) => family switch
    {
        AddressFamily.InterNetwork => new SimulatedXtablesSocket(this, XtablesLayout.Ipv4),
        AddressFamily.InterNetworkV6 => new SimulatedXtablesSocket(this, XtablesLayout.Ipv6),
        _ => throw new KernelException("open xtables socket", LinuxError.EAFNOSUPPORT),
    };

    /// <summary>The table of a name, made when need be; null where the kernel knows none.</summary>
    public XtablesTable? Find(XtablesLayout layout, string name)
    {
        if (_tables.TryGetValue((layout.Family, name), out XtablesTable? table))
        {
            return table;
        }

        if (XtablesKind.All.FirstOrDefault(kind => kind.Name == name) is not { } made)
        {
            return null;
        }

        byte[] initial = made.Initial(layout);
        LinuxError error = new TableTranslation(layout, initial, kernel.IpSets).Run(out XtablesEntries? entries);
        if (error != LinuxError.None)
        {
            throw new InvalidOperationException($"The initial table {name} does not hold: {error}.");
        }

        table = new XtablesTable(made, entries!);
        _tables.Add((layout.Family, name), table);
        Hang(layout.Family, table);
        return table;
    }

    /// <summary>Puts new entries in place of the old ones, between two packets.</summary>
    public void Replace(byte family, XtablesTable table, XtablesEntries entries)
    {
        bool used = table.Entries.UsesConntrack, uses = entries.UsesConntrack;
        if (uses && !used)
        {
            kernel.Stack.Netfilter.UseConntrack(family);
        }

        foreach (EntryExtension match in entries.List.SelectMany(entry => entry.Matches))
        {
            MatchEvaluation.Prepare(match.Extension!, kernel);
        }

        entries.HoldNamed(kernel, 1);
        table.Entries.HoldNamed(kernel, -1);
        table.Entries = entries;
        if (used && !uses)
        {
            kernel.Stack.Netfilter.ReleaseConntrack(family);
        }
    }

    private void Hang(byte family, XtablesTable table)
    {
        for (byte hook = 0; hook < XtablesLayout.HookCount; hook++)
        {
            if ((table.Kind.Hooks & 1u << hook) == 0)
            {
                continue;
            }

            var function = new TableFunction(kernel, table, hook, family == NFPROTO_IPV4 ? "ip" : "ip6");
            if (table.Kind.IsNat)
            {
                kernel.Stack.Netfilter.RegisterNatChain(family, hook, table.Kind.PriorityAt(hook), function);
            }
            else
            {
                kernel.Stack.Hooks.Register(family, hook, table.Kind.Priority, function);
            }
        }
    }
}
