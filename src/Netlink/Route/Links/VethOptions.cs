using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>The other end of a virtual cable, in requests; the kernel's own messages name it by <see cref="Link.Parent"/> only.</summary>
public sealed record VethOptions : LinkData
{
    private static readonly ushort[] Order = [VETH_INFO_PEER];

    /// <summary>A peer of which nothing is said.</summary>
    public VethOptions()
    {
    }

    internal VethOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute) && attribute.Type == VETH_INFO_PEER && attribute.Value.Length >= Link.HeaderSize && attribute.Value[1] == 0;
            if (known)
            {
                Peer = Link.FromPayload(attribute.Value);
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <inheritdoc />
    public override string Kind => "veth";

    /// <summary>Name, address, namespace and so on of the other end (VETH_INFO_PEER).</summary>
    public Link? Peer { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        if (Peer is not null)
        {
            WireMark mark = writer.BeginAttribute(entry.RawType);
            Peer.WritePayload(ref writer);
            writer.EndAttribute(mark);
        }
    }
}
