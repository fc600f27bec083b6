using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>
/// One expression of a rule, of a set element or of a set (<c>NFTA_LIST_ELEM</c>: name, data). A plain immutable value that
/// writes itself; what was read is written back to the same bytes, unknown attributes included.
/// </summary>
public abstract record Expression
{
    /// <summary>The kernel's name of the expression ("cmp", "payload", "immediate" …).</summary>
    public abstract string Name { get; }

    /// <summary>Writes the attributes inside NFTA_EXPR_DATA.</summary>
    public abstract void WriteData(ref NetlinkWriter writer);
}
