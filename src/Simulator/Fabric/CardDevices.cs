using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Fabric;

/// <summary>What a driver does: devices that come and go with the hardware, and their signal.</summary>
internal static class CardDevices
{
    public static NetworkDevice Add(SimulatedKernel kernel, string name, byte[] hardwareAddress)
    {
        using SimulationQueue.Call call = kernel.Enter();
        var device = new NetworkDevice(kernel, kernel.Devices.AllocateIndex(), name, "") { HardwareAddress = hardwareAddress, PermanentAddress = hardwareAddress, AddressAssignType = 0 };
        kernel.Devices.Add(device);
        kernel.Parameters.AddDevice(name);
        kernel.Datapath?.DeviceAdded(device);
        return device;
    }

    public static void Remove(NetworkDevice device)
    {
        using SimulationQueue.Call call = device.Kernel.Enter();
        device.Kernel.Datapath?.DeviceRemoved(device);
        device.Kernel.Devices.Remove(device);
        device.Kernel.Parameters.RemoveDevice(device.Name);
    }

    public static void SetCarrier(NetworkDevice device, bool carrier)
    {
        using SimulationQueue.Call call = device.Kernel.Enter();
        device.HasCarrier = carrier;
        device.Kernel.Datapath?.DeviceChanged(device);
    }
}
