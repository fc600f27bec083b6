using System.Runtime.InteropServices;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

// The kernel says EINVAL to an element whatever is wrong with it: what its set was declared with tells what that is.
public sealed partial class NftablesConnection
{
    private void Explain(NftablesBatch batch, List<NftablesError> errors)
    {
        var sets = new Dictionary<(NftablesFamily Family, string Table, string Set), NftablesSet?>();
        for (int index = 0; index < errors.Count; index++)
        {
            if (errors[index] is not { Error: LinuxError.EINVAL, Element: { } number } error || Read(batch, error.MessageIndex)?.Entity is not SetElementList { Elements: { } elements } list || number >= elements.Count)
            {
                continue;
            }

            ref NftablesSet? set = ref CollectionsMarshal.GetValueRefOrAddDefault(sets, (list.Family, list.Table, list.Set), out bool isKnown);
            if (!isKnown)
            {
                set = SetWithin(batch, error.MessageIndex, list) ?? PresentSet(list);
            }

            if (set is not null && NftablesAdvice.OnElement(set, elements[number]) is { } advice)
            {
                errors[index] = error with { Advice = advice };
            }
        }
    }

    private static NftablesSet? SetWithin(NftablesBatch batch, int end, SetElementList list)
    {
        for (int index = end - 1; index >= 0; index--)
        {
            if (batch.TypeAt(index) == NFT_MSG_NEWSET && Read(batch, index)?.Entity is NftablesSet set && set.Family == list.Family && set.Table == list.Table && set.Name == list.Set)
            {
                return set;
            }
        }

        return null;
    }

    private NftablesSet? PresentSet(SetElementList list)
    {
        try
        {
            return ListSets(list.Family, list.Table).FirstOrDefault(set => set.Name == list.Set);
        }
        catch (KernelException)
        {
            // It only was to explain an error, and that stands without it.
            return null;
        }
    }

    private static NftablesMessage? Read(NftablesBatch batch, int index)
    {
        ReadOnlySpan<byte> bytes = batch.MessageAt(index, out _);
        return NftablesMessage.TryRead(new NetlinkMessage(MemoryMarshal.Read<NetlinkHeader>(bytes), bytes), out NftablesMessage? message) ? message : null;
    }
}
