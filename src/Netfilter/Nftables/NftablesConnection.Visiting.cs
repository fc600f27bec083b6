using System.Runtime.InteropServices;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>Looks at a rule where it was received; the view is valid until this returns.</summary>
public delegate void RuleViewer(RuleView rule);

/// <summary>Looks at an element where it was received; the view is valid until this returns.</summary>
public delegate void SetElementViewer(SetElementView element);

/// <summary>
/// How a listing ended that was handed out while it came. What has been handed out cannot be taken back, so who needs all of one generation looks here, and begins
/// again where it is not.
/// </summary>
/// <param name="Count">How many were handed out.</param>
/// <param name="IsConsistent">All are of one generation and came once. False: the rule set changed meanwhile, some may be missing, others may have come twice.</param>
/// <param name="GenerationLowHalf">The low 16 bits of the generation that the kernel gave with the first part; null where nothing is listed.</param>
public readonly record struct ListingEnd(long Count, bool IsConsistent, ushort? GenerationLowHalf);

// Listings of which nothing is kept, for chains and sets too large to hold.
public sealed partial class NftablesConnection
{
    /// <summary>Hands out the rules of a table, or of one of its chains, one by one as they come from the kernel.</summary>
    /// <param name="family">The table's family.</param>
    /// <param name="table">The table.</param>
    /// <param name="chain">The chain; null for all.</param>
    /// <param name="visit">Gets each rule. It must not ask this connection for anything; what it throws ends the listing and comes out here.</param>
    /// <exception cref="KernelException">ENOENT: there is no such table or chain (kernels differ in which they tell).</exception>
    public ListingEnd VisitRules(NftablesFamily family, string table, string? chain, Action<Rule> visit)
    {
        ArgumentNullException.ThrowIfNull(visit);
        var names = new DecodeCache();
        return Visit(NFT_MSG_GETRULE, NFT_MSG_NEWRULE, family, RuleFilter(table, chain), (in NetlinkMessage message) =>
        {
            visit(Rule.Read(FamilyOf(message), message.Attributes(NfnetlinkHeader.Size), names));
            return 1;
        });
    }

    /// <summary>Hands out the elements of a set or map one by one as they come from the kernel.</summary>
    /// <param name="family">The table's family.</param>
    /// <param name="table">The table.</param>
    /// <param name="set">The set or map.</param>
    /// <param name="visit">Gets each element. It must not ask this connection for anything; what it throws ends the listing and comes out here.</param>
    /// <exception cref="KernelException">ENOENT: there is no such set.</exception>
    public ListingEnd VisitElements(NftablesFamily family, string table, string set, Action<SetElement> visit)
    {
        ArgumentNullException.ThrowIfNull(visit);
        var names = new DecodeCache();
        return Visit(NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM, family, ElementFilter(table, set), (in NetlinkMessage message) =>
        {
            int count = 0;
            if (message.Attributes(NfnetlinkHeader.Size).TryFind(NFTA_SET_ELEM_LIST_ELEMENTS, out NetlinkAttribute list))
            {
                AttributeReader elements = list.Nested();
                for (; elements.TryRead(out NetlinkAttribute element); count++)
                {
                    visit(SetElement.Read(element, names));
                }
            }

            return count;
        });
    }

    /// <summary>As <see cref="VisitRules"/>, but shows each rule where it was received: nothing is allocated.</summary>
    public ListingEnd ViewRules(NftablesFamily family, string table, string? chain, RuleViewer view)
    {
        ArgumentNullException.ThrowIfNull(view);
        return Visit(NFT_MSG_GETRULE, NFT_MSG_NEWRULE, family, RuleFilter(table, chain), (in NetlinkMessage message) =>
        {
            view(new RuleView(message));
            return 1;
        });
    }

    /// <summary>As <see cref="VisitElements"/>, but shows each element where it was received: nothing is allocated.</summary>
    public ListingEnd ViewElements(NftablesFamily family, string table, string set, SetElementViewer view)
    {
        ArgumentNullException.ThrowIfNull(view);
        return Visit(NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM, family, ElementFilter(table, set), (in NetlinkMessage message) =>
        {
            int count = 0;
            var elements = new SetElementReader(message);
            for (; elements.TryRead(out SetElementView element); count++)
            {
                view(element);
            }

            return count;
        });
    }

    private delegate int Visitor(in NetlinkMessage message);

    private ListingEnd Visit(ushort request, ushort answer, NftablesFamily family, RequestWriter? filter, Visitor visit)
    {
        lock (_turn)
        {
            long count = 0;
            bool isConsistent = true;
            ushort? generation = null;
            bool isDoubtful = Request(request, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump, family, filter, (in NetlinkMessage message) =>
            {
                if ((message.Header.Type & 0xff) != answer || message.Payload.Length < NfnetlinkHeader.Size)
                {
                    return;
                }

                ushort current = MemoryMarshal.Read<NfnetlinkHeader>(message.Payload).ResourceId;
                generation ??= current;
                isConsistent &= generation == current;
                count += visit(message);
            });
            return new ListingEnd(count, isConsistent && !isDoubtful, generation);
        }
    }

    private static NftablesFamily FamilyOf(in NetlinkMessage message) => (NftablesFamily)MemoryMarshal.Read<NfnetlinkHeader>(message.Payload).Family;
}
