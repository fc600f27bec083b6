using EucaNet.Simulator.Datapath;

namespace EucaNet.Simulator.Kernel;

/// <summary>Sees every netlink datagram of a kernel, for recordings.</summary>
internal delegate void NetlinkTap(uint portId, int protocol, ReadOnlySpan<byte> datagram, bool toKernel);

/// <content>The datapath's place in the kernel, and what recordings hang on.</content>
public sealed partial class SimulatedKernel
{
    private NetworkStack? _stack;

    /// <summary>Told of every datagram that a socket sends to the kernel or gets from it.</summary>
    internal event NetlinkTap? NetlinkTap;

    /// <summary>Carries this kernel's packets.</summary>
    internal NetworkStack Stack => _stack ??= new NetworkStack(this);

    /// <summary>A datagram crosses a netlink socket.</summary>
    internal void OnNetlink(uint portId, int protocol, ReadOnlySpan<byte> datagram, bool toKernel) => NetlinkTap?.Invoke(portId, protocol, datagram, toKernel);

    /// <summary>
    /// Loads br_netfilter, as "modprobe br_netfilter", a rule with -m physdev or a hypervisor does: what is bridged meets iptables, ip6tables and
    /// arptables rules too, by the parameters below net/bridge, which are there from now on. Does nothing where the profile has it built in, or twice.
    /// </summary>
    public void LoadBridgeNetfilter()
    {
        using Time.SimulationQueue.Call call = Enter();
        if (Parameters.Read(DefaultParameters.BridgeNetfilter[0].Key) is not null)
        {
            return;
        }

        foreach ((string path, string value) in DefaultParameters.BridgeNetfilter)
        {
            Parameters.Set(path, value);
        }

        var filter = new Datapath.Link.BridgeNetfilter(Stack);
        Stack.BridgeNetfilter = filter;
        foreach (Devices.NetworkDevice device in Devices.All)
        {
            filter.DeviceAdded(device);
        }
    }

    partial void AttachDatapath()
    {
        Datapath = Stack;
        if (Profile.HasBridgeNetfilter)
        {
            LoadBridgeNetfilter();
        }
    }
}
