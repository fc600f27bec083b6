using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Fabric;

/// <summary>What a driver does: devices that come and go with the hardware, and their signal.</summary>
internal static class CardDevices
{
    public static NetworkDevice Add(SimulatedKernel kernel, string name, byte[] hardwareAddress)
    {
        if (kernel.Devices.Find(name) is not null)
        {
            throw new ArgumentException($"{kernel.HostName} has an interface '{name}' already.", nameof(name));
        }

        return kernel.Devices.Find(kernel.AddPhysicalDevice(name, hardwareAddress))!;
    }

    public static void Remove(NetworkDevice device)
    {
        using SimulationQueue.Call call = device.Kernel.Enter();
        device.Kernel.DeviceControl.Unregister([device]);
    }

    public static void SetCarrier(NetworkDevice device, bool carrier)
    {
        using SimulationQueue.Call call = device.Kernel.Enter();
        device.Kernel.DeviceControl.SetCarrier(device, carrier);
    }
}
