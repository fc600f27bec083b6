using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel;

/// <summary>
/// The moving half of a simulated kernel: carries frames between devices. The still half (tables, netlink) tells it what
/// changed; it reads the tables and keeps what it needs per device in <see cref="NetworkDevice.Datapath"/>.
/// </summary>
internal interface IDatapath
{
    /// <summary>A device came into being; it is in the table already.</summary>
    void DeviceAdded(NetworkDevice device);

    /// <summary>A device is going; it is still in the table.</summary>
    void DeviceRemoved(NetworkDevice device);

    /// <summary>Flags, carrier, master, MAC or options of a device changed.</summary>
    void DeviceChanged(NetworkDevice device);

    /// <summary>An address came to a device; of IPv6, when it is this machine's for sure.</summary>
    void AddressAdded(InterfaceAddress address);

    /// <summary>The device is behind another port of its switch now: its neighbours are told of its addresses.</summary>
    void NotifyPeers(NetworkDevice device);

    /// <summary>The link is to be asked whether somebody has an IPv6 address already (duplicate detection).</summary>
    void ProbeAddress(InterfaceAddress address);

    /// <summary>An address went.</summary>
    void AddressRemoved(InterfaceAddress address);

    /// <summary>User space made, changed or deleted a neighbour entry (deleted: no longer in the table).</summary>
    void NeighbourChanged(Neighbour neighbour);

    /// <summary>A frame arrives at a device from outside: from a cable, or the far end of a veth pair.</summary>
    void Receive(NetworkDevice device, ReadOnlyMemory<byte> frame);

    /// <summary>Opens a packet socket on a device.</summary>
    IPacketSocket OpenPacket(NetworkDevice device, ushort etherType, PacketFilter? filter);

    /// <summary>Holds a UDP port on a device.</summary>
    /// <exception cref="KernelException">EADDRINUSE.</exception>
    IDisposable ReserveUdpPort(NetworkDevice device, ushort port);
}
