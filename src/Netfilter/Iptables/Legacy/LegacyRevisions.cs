using EucaNet.Netfilter.Iptables.Extensions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Iptables.Legacy;

/// <summary>Has the kernel say whether it knows what rules use, so that a refusal has a name; each extension is asked for once.</summary>
internal sealed class LegacyRevisions(IXtablesSocket socket, LegacyLayout layout)
{
    private readonly Dictionary<(bool Target, string Name), int> _known = [];

    /// <summary>Asks for all matches and targets of a table.</summary>
    /// <exception cref="IptablesTableException">The kernel does not know one of them.</exception>
    public void Check(IptablesTable table)
    {
        foreach (IptablesChain chain in table.Chains)
        {
            foreach (IptablesRule rule in chain.Rules)
            {
                foreach (IptablesMatch match in rule.Matches)
                {
                    Check(false, match.Name, match.Revision);
                }

                if (rule.Target is ExtensionTarget target)
                {
                    Check(true, target.Name, target.Revision);
                }
            }
        }
    }

    private void Check(bool target, string name, byte revision)
    {
        if (revision == 0 || (_known.TryGetValue((target, name), out int known) && known >= revision))
        {
            return;
        }

        byte[] value = new byte[LegacyLayout.RevisionLength];
        value.AsSpan().PutText(0, LegacyLayout.RevisionNameSize, name);
        value[LegacyLayout.RevisionField] = revision;
        try
        {
            socket.GetOption(target ? layout.GetRevisionTarget : layout.GetRevisionMatch, value);
            _known[(target, name)] = revision;
        }
        catch (KernelException exception) when (exception.Error is LinuxError.EPROTONOSUPPORT or LinuxError.ENOENT)
        {
            throw new IptablesTableException(
                $"The kernel does not know revision {revision} of the {(target ? "target" : "match")} '{name}' ({exception.Error}): its module is missing or older. Nothing was changed.", exception);
        }
    }
}
