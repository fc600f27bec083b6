using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>A macvlan's mode and options (IFLA_MACVLAN_*).</summary>
internal sealed class MacvlanState
{
    public const uint Private = 1;
    public const uint Vepa = 2;
    public const uint Bridge = 4;
    public const uint Passthrough = 8;
    public const uint Source = 16;

    /// <summary>MACVLAN_FLAG_NOPROMISC: the device below a macvlan that has it whole need not receive everything.</summary>
    public const ushort HearsNotAll = 1;

    /// <summary>MACVLAN_FLAG_NODST: what a device in source mode hears goes to nobody else.</summary>
    public const ushort NoDestination = 2;

    private const uint Add = 0, Remove = 1, Flush = 2, Set = 3;

    /// <summary>What a message shows of it, without demands.</summary>
    public static PolicyTable Shown { get; } = new(8);

    public uint Mode { get; set; } = Vepa;

    public ushort Flags { get; set; }

    /// <summary>The MAC that the device below a macvlan that has it whole gets back in the end (perm_addr).</summary>
    public byte[] LowerAddress { get; set; } = [];

    /// <summary>The senders that a device in source mode hears.</summary>
    public List<MacAddress> Sources { get; } = [];

    public uint BroadcastQueueLength { get; set; } = 1000;

    /// <summary>The longest queue that any macvlan of the device below asks for.</summary>
    public uint BroadcastQueueUsed { get; set; } = 1000;

    /// <summary>IFLA_MACVLAN_MACADDR_MODE with its addresses (macvlan_changelink_sources).</summary>
    public LinuxError ChangeSources(uint mode, byte[]? address, byte[]? list)
    {
        switch (mode)
        {
            case Add when address is { Length: 6 }:
                AddSource(address);
                return LinuxError.None;

            case Remove when address is { Length: 6 }:
                Sources.Remove(MacAddress.Read(address));
                return LinuxError.None;

            case Flush:
                Sources.Clear();
                return LinuxError.None;

            case Set:
                Sources.Clear();
                if (address is not null)
                {
                    AddSource(address);
                }

                AddSources(list);
                return LinuxError.None;

            default:
                return LinuxError.EINVAL;
        }
    }

    /// <summary>IFLA_MACVLAN_MACADDR_COUNT and the addresses themselves.</summary>
    public void WriteSources(ref NetlinkWriter writer)
    {
        writer.WriteUInt32(6, (uint)Sources.Count);
        if (Sources.Count > 0)
        {
            WireMark nest = writer.BeginNested(5, nestedFlag: false);
            foreach (MacAddress source in Sources)
            {
                writer.WriteBytes(4, source.ToBytes());
            }

            writer.EndAttribute(nest);
        }
    }

    /// <summary>Reads a nest of IFLA_MACVLAN_MACADDR.</summary>
    public void AddSources(byte[]? list)
    {
        var walk = new AttributeReader(list);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == 4 && attribute.Value.Length >= 6)
            {
                AddSource(attribute.Value[..6].ToArray());
            }
        }
    }

    private void AddSource(byte[] address)
    {
        var mac = MacAddress.Read(address);
        if (mac.IsUnicast && !Sources.Contains(mac))
        {
            Sources.Add(mac);
        }
    }
}
