using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Link;

/// <summary>
/// Moves bridge ports to forwarding (br_stp.c): at once without spanning tree or with a forward delay of 0, else through
/// listening and learning, a forward delay each.
/// </summary>
internal sealed class BridgePortStates(NetworkStack stack)
{
    private readonly Dictionary<BridgePort, ITimer> _timers = [];

    /// <summary>Flags or membership of a device changed: its port, or the ports of the bridge it is, follow.</summary>
    public void Changed(NetworkDevice device)
    {
        if (device.Port is { } port)
        {
            Update(port);
        }

        if (device.Bridge is { } bridge)
        {
            foreach (BridgePort each in bridge.Ports.ToArray())
            {
                Update(each);
            }
        }
    }

    private void Update(BridgePort port)
    {
        bool enabled = port.Bridge.Device.IsUp && port.Device.IsUp && port.Device.HasCarrier;
        if (!enabled)
        {
            Stop(port);
            Set(port, BridgePortState.Disabled);
        }
        else if (port.State == BridgePortState.Disabled)
        {
            Begin(port);
        }
    }

    private void Begin(BridgePort port)
    {
        BridgeState bridge = port.Bridge;
        if (bridge.SpanningTree == 0 || bridge.ForwardDelay == 0)
        {
            Set(port, BridgePortState.Forwarding);
            return;
        }

        Set(port, bridge.SpanningTree == 1 ? BridgePortState.Listening : BridgePortState.Learning);
        Stop(port);
        TimeSpan delay = TimeSpan.FromMilliseconds(bridge.ForwardDelay * 10);
        _timers[port] = stack.Kernel.Clock.CreateTimer(
            _ =>
            {
                using Time.SimulationQueue.Call call = stack.Kernel.Enter();
                Step(port, delay);
            },
            null, delay, Timeout.InfiniteTimeSpan);
    }

    private void Step(BridgePort port, TimeSpan delay)
    {
        if (port.Device.Port != port)
        {
            Stop(port);
        }
        else if (port.State == BridgePortState.Listening)
        {
            Set(port, BridgePortState.Learning);
            _timers[port].Change(delay, Timeout.InfiniteTimeSpan);
        }
        else if (port.State == BridgePortState.Learning)
        {
            Stop(port);
            Set(port, BridgePortState.Forwarding);
        }
    }

    private void Stop(BridgePort port)
    {
        if (_timers.Remove(port, out ITimer? timer))
        {
            timer.Dispose();
        }
    }

    private void Set(BridgePort port, BridgePortState state)
    {
        if (port.State != state)
        {
            port.State = state;
            stack.OnPortStateChanged(port);
        }
    }
}
