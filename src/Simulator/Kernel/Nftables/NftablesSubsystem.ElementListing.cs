using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Elements as they are listed and announced.</summary>
internal sealed partial class NftablesSubsystem
{
    private LinuxError GetElements(NftContext context, bool reset)
    {
        ParsedAttributes attributes = context.Attributes;
        LinuxError error = FindTable(context, attributes[NFTA_SET_ELEM_LIST_TABLE], out Table table, anyOwner: !reset);
        if (error != LinuxError.None)
        {
            return context.Blame(attributes[NFTA_SET_ELEM_LIST_TABLE], error);
        }

        KernelAttribute name = attributes[NFTA_SET_ELEM_LIST_SET];
        if (!name.Exists || table.Sets.Find(name.Name) is not { } set)
        {
            return context.Blame(name, name.Exists ? LinuxError.ENOENT : LinuxError.EINVAL);
        }

        if ((context.Flags & NetlinkMessageFlags.Dump) != 0)
        {
            context.Socket!.StartDump(new NetlinkDump(HeaderOf(context), context.PortId, ElementMessages(set, reset)) { Generation = () => Generation, DoneRidesAlong = true });
            return LinuxError.EINTR;
        }

        KernelAttribute elements = attributes[NFTA_SET_ELEM_LIST_ELEMENTS];
        if (!elements.Exists)
        {
            return LinuxError.EINVAL;
        }

        foreach (KernelAttribute attribute in elements.Children())
        {
            error = ParseWantedElement(set, attribute, out SetElement? wanted);
            if (error != LinuxError.None)
            {
                return context.Blame(attribute, error);
            }

            SetElement? found = (wanted!.Flags & NFT_SET_ELEM_CATCHALL) != 0 ? set.CatchAll : set.Store.Get(wanted.Key, wanted.Flags, Now);
            if (found is null)
            {
                return context.Blame(attribute, LinuxError.ENOENT);
            }

            Reply(context, NFT_MSG_NEWSETELEM, table.Family, (ref NetlinkWriter writer) => FillElements(ref writer, set, [found], reset));
        }

        return LinuxError.None;
    }

    /// <summary>
    /// A dump of elements: each part is one message filled up with elements; an empty one closes the list, as the kernel
    /// finds out that nothing is left only after it has begun another.
    /// </summary>
    private IEnumerable<byte[]> ElementMessages(Set set, bool reset)
    {
        var part = new List<SetElement>();
        int size = 0, limit = SocketMemory.GoodMessageSize - 80 - set.Name.Length - set.Table.Name.Length;
        List<SetElement> elements = [.. set.Store.Elements.Where(element => !element.IsExpired(Now))];
        if (set.CatchAll is { } any && !any.IsExpired(Now))
        {
            elements.Add(any);
        }

        foreach (SetElement element in elements)
        {
            int bytes = SizeOf(set, element);
            if (part.Count > 0 && size + bytes > limit)
            {
                yield return ElementMessage(set, part, reset);
                part = [];
                size = 0;
            }

            part.Add(element);
            size += bytes;
        }

        if (part.Count > 0)
        {
            yield return ElementMessage(set, part, reset);
        }

        yield return ElementMessage(set, [], reset);
    }

    private byte[] ElementMessage(Set set, List<SetElement> elements, bool reset) =>
        NftMessage.Make(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM, 0, 0, 0, set.Table.Family, ResourceId, (ref NetlinkWriter writer) => FillElements(ref writer, set, elements, reset));

    private int SizeOf(Set set, SetElement element)
    {
        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        FillElement(ref writer, set, element, reset: false);
        writer.Complete();
        return buffer.Length;
    }

    private void NotifyElement(NftContext context, Set set, SetElement element, int verb) =>
        Notify(context, verb, set.Table.Family, 0, (ref NetlinkWriter writer) => FillElements(ref writer, set, [element], reset: false));

    private void FillElements(ref NetlinkWriter writer, Set set, List<SetElement> elements, bool reset)
    {
        NftMessage.WriteName(ref writer, NFTA_SET_ELEM_LIST_TABLE, set.Table.Name);
        NftMessage.WriteName(ref writer, NFTA_SET_ELEM_LIST_SET, set.Name);
        WireMark list = writer.BeginAttribute(NFTA_SET_ELEM_LIST_ELEMENTS);
        foreach (SetElement element in elements)
        {
            FillElement(ref writer, set, element, reset);
        }

        writer.EndAttribute(list);
    }

    private void FillElement(ref NetlinkWriter writer, Set set, SetElement element, bool reset)
    {
        WireMark mark = writer.BeginAttribute(NFTA_LIST_ELEM);
        if ((element.Flags & NFT_SET_ELEM_CATCHALL) == 0)
        {
            NftMessage.WriteValue(ref writer, NFTA_SET_ELEM_KEY, element.Key);
        }

        if (element.KeyEnd is { } keyEnd)
        {
            NftMessage.WriteValue(ref writer, NFTA_SET_ELEM_KEY_END, keyEnd);
        }

        if (element.Data is { } data)
        {
            NftMessage.WriteData(ref writer, NFTA_SET_ELEM_DATA, data);
        }

        if (element.Expressions.Length == 1)
        {
            element.Expressions[0].Write(ref writer, NFTA_SET_ELEM_EXPR, reset);
        }
        else if (element.Expressions.Length > 1)
        {
            WireMark list = writer.BeginAttribute(NFTA_SET_ELEM_EXPRESSIONS);
            foreach (Expression expression in element.Expressions)
            {
                expression.Write(ref writer, NFTA_LIST_ELEM, reset);
            }

            writer.EndAttribute(list);
        }

        if (element.Object is { } obj)
        {
            NftMessage.WriteName(ref writer, NFTA_SET_ELEM_OBJREF, obj.Name);
        }

        if (element.Flags != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_SET_ELEM_FLAGS, element.Flags);
        }

        if (element.Timeout is { } timeout && !element.IsIntervalEnd)
        {
            if (timeout != set.Timeout)
            {
                writer.WriteUInt64BigEndian(NFTA_SET_ELEM_TIMEOUT, timeout);
            }

            if (timeout > 0)
            {
                writer.WriteUInt64BigEndian(NFTA_SET_ELEM_EXPIRATION, (ulong)Math.Max(0, element.Expires - Now));
            }
        }

        if (element.UserData is { } userData)
        {
            writer.WriteBytes(NFTA_SET_ELEM_USERDATA, userData);
        }

        writer.EndAttribute(mark);
    }
}
