using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>Where a base chain or a flowtable is hooked (<c>NFTA_HOOK_*</c>).</summary>
/// <param name="Number">The hook's number in its family (NF_INET_*, NF_ARP_*, NF_NETDEV_*).</param>
/// <param name="Priority">Chains of one hook run in the order of their priorities, the lowest first.</param>
public sealed record ChainHook(uint Number, int Priority)
{
    /// <summary>The one device of an ingress or egress chain (NFTA_HOOK_DEV).</summary>
    public string? Device { get; init; }

    /// <summary>The devices of an ingress or egress chain or of a flowtable (NFTA_HOOK_DEVS). Linux 5.5.</summary>
    public ValueList<HookDevice> Devices { get; init; }

    /// <summary>How the attributes lay on the wire.</summary>
    internal AttributeLayout Layout { get; init; }

    /// <summary>The names of all devices, with a star behind prefixes.</summary>
    public IEnumerable<string> GetDeviceNames() => Devices.IsEmpty ? Device is null ? [] : [Device] : Devices.Select(device => device.ToString());

    internal void Write(ref NetlinkWriter writer, ushort type, AttributeForm form, bool ofFlowtable = false)
    {
        bool nested = (form & AttributeForm.Nested) != 0;
        WireMark mark = writer.BeginNested(type, nested);
        int raw = 0;
        uint written = 0;
        if ((form & AttributeForm.AsRead) != 0)
        {
            for (int index = 0; index < Layout.Count; index++)
            {
                ushort part = Layout.TypeAt(index);
                if (part == 0)
                {
                    writer.PutRaw(Layout.Raw[raw++]);
                }
                else
                {
                    WritePart(ref writer, part, ofFlowtable, (Layout.FormAt(index) & AttributeForm.Nested) != 0, asRead: true);
                    written |= 1u << part;
                }
            }
        }

        for (ushort part = NFTA_HOOK_HOOKNUM; part <= NFTA_HOOK_DEVS; part++)
        {
            if ((written >> part & 1) == 0)
            {
                WritePart(ref writer, part, ofFlowtable, nested, asRead: false);
            }
        }

        writer.EndAttribute(mark);
    }

    // The devices of a flowtable have the number of a chain's single device.
    private void WritePart(ref NetlinkWriter writer, ushort type, bool ofFlowtable, bool nested, bool asRead)
    {
        switch (type)
        {
            case NFTA_FLOWTABLE_HOOK_DEVS when ofFlowtable && (asRead || !Devices.IsEmpty):
                WriteDevices(ref writer, type, nested);
                break;
            case NFTA_FLOWTABLE_HOOK_DEVS when ofFlowtable:
                break;
            case NFTA_HOOK_HOOKNUM:
                writer.WriteUInt32BigEndian(type, Number);
                break;
            case NFTA_HOOK_PRIORITY:
                writer.WriteUInt32BigEndian(type, (uint)Priority);
                break;
            case NFTA_HOOK_DEV when asRead || Devices.IsEmpty:
                writer.Put(type, Device);
                break;
            case NFTA_HOOK_DEVS when !ofFlowtable && (asRead || !Devices.IsEmpty):
                WriteDevices(ref writer, type, nested);
                break;
        }
    }

    private void WriteDevices(ref NetlinkWriter writer, ushort type, bool nested)
    {
        WireMark mark = writer.BeginNested(type, nested);
        foreach (HookDevice device in Devices)
        {
            writer.WriteString(device.IsPrefix ? NFTA_DEVICE_PREFIX : NFTA_DEVICE_NAME, device.Name);
        }

        writer.EndAttribute(mark);
    }

    internal static bool Read(in NetlinkAttribute attribute, DecodeCache names, ref ChainHook? field, bool ofFlowtable = false)
    {
        uint? number = null;
        int? priority = null;
        string? device = null;
        HookDevice[]? devices = null;
        var layout = new AttributeLayoutBuilder();
        AttributeReader inside = attribute.Nested();
        while (inside.TryRead(out NetlinkAttribute part))
        {
            layout.Add(part, part.Type switch
            {
                NFTA_HOOK_HOOKNUM => part.Read(ref number),
                NFTA_HOOK_PRIORITY => part.Read(ref priority),
                NFTA_FLOWTABLE_HOOK_DEVS when ofFlowtable => ReadDevices(part, names, ref devices),
                NFTA_HOOK_DEV => names.Read(part, ref device),
                NFTA_HOOK_DEVS when !ofFlowtable => ReadDevices(part, names, ref devices),
                _ => false,
            });
        }

        if (field is not null || number is null || priority is null || inside.IsTruncated || layout.IsOverflown)
        {
            return false;
        }

        field = new ChainHook(number.Value, priority.Value)
        {
            Device = device,
            Devices = new ValueList<HookDevice>(devices ?? []),
            Layout = layout.Build(),
        };
        return true;
    }

    private static bool ReadDevices(in NetlinkAttribute attribute, DecodeCache names, ref HookDevice[]? devices)
    {
        var found = new List<HookDevice>();
        AttributeReader inside = attribute.Nested();
        while (inside.TryRead(out NetlinkAttribute part))
        {
            string? name = null;
            if (part.Type is not (NFTA_DEVICE_NAME or NFTA_DEVICE_PREFIX) || !names.Read(part, ref name))
            {
                return false;
            }

            found.Add(new HookDevice(name!, part.Type == NFTA_DEVICE_PREFIX));
        }

        if (devices is not null || inside.IsTruncated)
        {
            return false;
        }

        devices = [.. found];
        return true;
    }
}

/// <summary>A device of a hook.</summary>
/// <param name="Name">The device's name, or how names begin.</param>
/// <param name="IsPrefix">All devices whose names begin so, also those that come later (NFTA_DEVICE_PREFIX). Linux 6.16.</param>
public readonly record struct HookDevice(string Name, bool IsPrefix = false)
{
    /// <summary>One device by its name.</summary>
    public static implicit operator HookDevice(string name) => new(name);

    /// <summary>One device by its name.</summary>
    public static HookDevice FromString(string name) => new(name);

    /// <summary>The name; with a star behind it for a prefix.</summary>
    public override string ToString() => IsPrefix ? Name + "*" : Name;
}
