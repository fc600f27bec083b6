using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.BridgeConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>
/// Options of the VLANs of a bridge or port (struct br_vlan_msg and BRIDGE_VLANDB_* attributes, Linux 5.6). The VLANs themselves are given and taken
/// as <see cref="BridgeSpecification"/>.
/// </summary>
public sealed record BridgeVlanSettings : RouteObject
{
    private static readonly ushort[] Order = [BRIDGE_VLANDB_ENTRY, BRIDGE_VLANDB_GLOBAL_OPTIONS];

    /// <summary>An empty one.</summary>
    public BridgeVlanSettings()
    {
    }

    private BridgeVlanSettings(AttributeReader attributes)
    {
        var entries = new List<BridgeVlanEntry>();
        var options = new List<BridgeVlanGlobalOptions>();
        var layout = new WireLayout.Recorder();
        ushort previous = 0;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            // Several of one type stand one behind the other and are written so; one that stands apart is kept as bytes.
            bool known = layout.IsNew(attribute) || attribute.RawType == previous;
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case BRIDGE_VLANDB_ENTRY:
                    entries.Add(new BridgeVlanEntry(attribute.Nested()));
                    break;
                case BRIDGE_VLANDB_GLOBAL_OPTIONS:
                    options.Add(new BridgeVlanGlobalOptions(attribute.Nested()));
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
            previous = known ? attribute.RawType : (ushort)0;
        }

        Layout = layout.Finish(attributes);
        Entries = [.. entries];
        GlobalOptions = [.. options];
    }

    internal const int HeaderSize = 8;

    /// <summary>Index of the bridge or port.</summary>
    public int Index { get; init; }

    /// <summary>VLANs with their options (BRIDGE_VLANDB_ENTRY).</summary>
    public EquatableList<BridgeVlanEntry> Entries { get; init; } = [];

    /// <summary>Options VLANs have on the whole bridge (BRIDGE_VLANDB_GLOBAL_OPTIONS).</summary>
    public EquatableList<BridgeVlanGlobalOptions> GlobalOptions { get; init; } = [];

    /// <inheritdoc />
    public override ushort NewType => RTM_NEWVLAN;

    /// <summary>Reads a VLAN message; false where the payload is shorter than its header or is a request's, which asks by other attributes.</summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out BridgeVlanSettings? settings)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        settings = payload.Length < HeaderSize || message.Header.Type == RTM_GETVLAN || payload[0] != AF_BRIDGE || payload[1] != 0 || payload[2] != 0 || payload[3] != 0
            ? null
            : new BridgeVlanSettings(new AttributeReader(payload[HeaderSize..])) { Index = BitConverter.ToInt32(payload[4..]) };
        return settings is not null;
    }

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer)
    {
        writer.AppendStruct((uint)AF_BRIDGE);
        writer.AppendStruct(Index);
        WriteAttributes(ref writer);
    }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case BRIDGE_VLANDB_ENTRY:
                foreach (BridgeVlanEntry vlan in Entries)
                {
                    WriteNested(ref writer, entry, vlan, nestedFlag: true);
                }

                break;
            case BRIDGE_VLANDB_GLOBAL_OPTIONS:
                foreach (BridgeVlanGlobalOptions options in GlobalOptions)
                {
                    WriteNested(ref writer, entry, options, nestedFlag: true);
                }

                break;
        }
    }
}
