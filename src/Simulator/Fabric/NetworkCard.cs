using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Link;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Recording;
using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Fabric;

/// <summary>A network card of a machine: a device of its kernel that a cable can be plugged into.</summary>
public sealed class NetworkCard : ICableEnd
{
    private readonly CopiedLater<NetworkDevice> _device;

    internal NetworkCard(SimulatedHost host, string name, MacAddress hardwareAddress)
    {
        Host = host;
        NetworkDevice device = CardDevices.Add(host.Kernel, name, hardwareAddress.ToBytes());
        device.Datapath = new Wire();
        _device = new CopiedLater<NetworkDevice>(host.Identity, device);
    }

    /// <summary>The machine.</summary>
    public SimulatedHost Host { get; }

    /// <summary>The interface's name now.</summary>
    public string InterfaceName => Device.Name;

    /// <summary>The hardware address in the usual form, d0:0d:0a:00:00:01.</summary>
    public string HardwareAddress => MacAddress.Read(Device.HardwareAddress).ToString();

    /// <summary>The cable that is plugged in, or null.</summary>
    public Cable? Cable { get; private set; }

    string ICableEnd.Name => $"{Host.Name} {Device.Name}";

    internal NetworkDevice Device
    {
        get
        {
            Host.Kernel.Changing();
            return _device.Value;
        }
    }

    private Wire Wire => (Wire)Device.Datapath!;

    internal void Plug(Cable cable)
    {
        Cable = cable;
        Wire.Send = packet => cable.Send(this, packet);
    }

    internal void Unplug()
    {
        Cable = null;
        Wire.Send = null;
    }

    void ICableEnd.Arrive(Packet packet)
    {
        using SimulationQueue.Call call = Host.Kernel.Enter();
        if (Device.Kernel.Devices.Find(Device.Index) == Device)
        {
            Device.Kernel.Stack.Link.Receive(Device, packet);
        }
    }

    void ICableEnd.CarrierChanged(bool carrier)
    {
        using SimulationQueue.Call call = Host.Kernel.Enter();
        CardDevices.SetCarrier(Device, carrier);
    }
}
