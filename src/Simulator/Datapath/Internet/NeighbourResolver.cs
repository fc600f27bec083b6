using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>
/// Finds the MAC of a next hop and keeps it fresh (net/core/neighbour.c): incomplete while it asks, with the packets waiting;
/// reachable when answered, stale after 30 s without confirmation, delayed and probed when used again, failed when nobody
/// answers. The times are those of Linux, without its random spread.
/// </summary>
internal sealed class NeighbourResolver(NetworkStack stack)
{
    private const int MaximumProbes = 3;
    private const int MaximumWaiting = 101;

    private static readonly TimeSpan ReachableTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DelayTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetransmitTime = TimeSpan.FromSeconds(1);

    /// <summary>Sends a packet by a device to the station that has <paramref name="nextHop"/>, now or when its MAC is known. False: the device dropped it.</summary>
    public bool Send(NetworkDevice device, InternetAddress nextHop, Packet packet)
    {
        if (device.IsLoopback || (device.Flags & DeviceFlags.NoArp) != 0)
        {
            packet.SetLinkHeader(device.IsLoopback ? default : MacAddress.Read(device.BroadcastAddress), MacAddress.Read(device.HardwareAddress), packet.Protocol);
            return stack.Link.Transmit(device, packet);
        }

        Neighbour neighbour = stack.Kernel.Neighbours.GetOrAdd(device, nextHop);
        Resolution resolution = ResolutionOf(neighbour);
        neighbour.Used = Now;
        switch (neighbour.State)
        {
            case NeighbourState.Reachable or NeighbourState.Permanent or NeighbourState.NoArp or NeighbourState.Delay or NeighbourState.Probe:
                break;

            case NeighbourState.Stale:
                neighbour.State = NeighbourState.Delay;
                neighbour.Updated = Now;
                resolution.Arm(DelayTime);
                break;

            case NeighbourState.Incomplete:
                resolution.Wait(packet, MaximumWaiting);
                return true;

            default:
                neighbour.Probes = 0;
                neighbour.State = NeighbourState.Incomplete;
                neighbour.Updated = Now;
                resolution.Wait(packet, MaximumWaiting);
                Probe(neighbour, packet.SourceAddress, packet.Story);
                resolution.Arm(RetransmitTime);
                return true;
        }

        packet.SetLinkHeader(MacAddress.Read(neighbour.HardwareAddress), MacAddress.Read(device.HardwareAddress), packet.Protocol);
        return stack.Link.Transmit(device, packet);
    }

    /// <summary>
    /// A station told its MAC, or (null) that the known one is right (neigh_update). Another MAC than the known one counts only
    /// where it <paramref name="overrides"/>; <paramref name="weak"/>: else what was sure of it is so no longer.
    /// </summary>
    public void Learn(NetworkDevice device, InternetAddress address, MacAddress? told, NeighbourState state, bool create, bool overrides, bool weak = false)
    {
        Neighbour? neighbour = stack.Kernel.Neighbours.Find(device, address);
        if (neighbour is null)
        {
            if (!create)
            {
                return;
            }

            neighbour = stack.Kernel.Neighbours.GetOrAdd(device, address);
        }

        if ((neighbour.State & (NeighbourState.Permanent | NeighbourState.NoArp)) != 0)
        {
            return;
        }

        bool valid = neighbour.IsValid && neighbour.HardwareAddress is not null;
        if (told is null && !valid)
        {
            return;
        }

        MacAddress hardware = told ?? MacAddress.Read(neighbour.HardwareAddress);
        bool same = valid && MacAddress.Read(neighbour.HardwareAddress) == hardware;
        if (valid && !same && !overrides)
        {
            if (!weak || neighbour.State != NeighbourState.Reachable)
            {
                return;
            }

            (hardware, state, same) = (MacAddress.Read(neighbour.HardwareAddress), NeighbourState.Stale, true);
        }
        else if (same && state == NeighbourState.Stale && (neighbour.State & (NeighbourState.Reachable | NeighbourState.Delay | NeighbourState.Probe)) != 0)
        {
            // What is better known than by hearsay stays as it is.
            return;
        }

        if (state == NeighbourState.Reachable)
        {
            neighbour.Confirmed = Now;
        }

        bool changed = !same || neighbour.State != state;
        neighbour.HardwareAddress = hardware.ToBytes();
        Resolution resolution = ResolutionOf(neighbour);
        if (neighbour.State != state)
        {
            neighbour.State = state;
            neighbour.Probes = 0;
            resolution.Arm(state == NeighbourState.Reachable ? ReachableTime : Timeout.InfiniteTimeSpan);
        }

        if (!same || changed)
        {
            neighbour.Updated = Now;
        }

        Release(neighbour, resolution);
        if (changed)
        {
            stack.OnNeighbourChanged(neighbour);
        }
    }

    /// <summary>User space changed or deleted an entry: what waits for it goes, or is given up.</summary>
    public void Changed(Neighbour neighbour)
    {
        Resolution resolution = ResolutionOf(neighbour);
        bool present = stack.Kernel.Neighbours.Find(neighbour.Device, neighbour.Address) == neighbour;
        if (!present || neighbour.State == NeighbourState.Failed)
        {
            resolution.Arm(Timeout.InfiniteTimeSpan);
            GiveUp(resolution);
        }
        else if (neighbour.IsValid && neighbour.HardwareAddress is not null)
        {
            resolution.Arm(neighbour.State == NeighbourState.Reachable ? ReachableTime : neighbour.State == NeighbourState.Delay ? DelayTime
                : neighbour.State == NeighbourState.Probe ? RetransmitTime : Timeout.InfiniteTimeSpan);
            Release(neighbour, resolution);
        }
        else if (neighbour.State == NeighbourState.Incomplete)
        {
            Probe(neighbour, null, null);
            resolution.Arm(RetransmitTime);
        }
    }

    private long Now => stack.Kernel.Clock.GetTimestamp();

    private Resolution ResolutionOf(Neighbour neighbour)
    {
        if (neighbour.Datapath is Resolution resolution)
        {
            return resolution;
        }

        resolution = new Resolution(stack, () => Tick(neighbour));
        neighbour.Datapath = resolution;
        return resolution;
    }

    /// <summary>An entry's timer fired (neigh_timer_handler).</summary>
    private void Tick(Neighbour neighbour)
    {
        if (stack.Kernel.Neighbours.Find(neighbour.Device, neighbour.Address) != neighbour)
        {
            return;
        }

        Resolution resolution = ResolutionOf(neighbour);
        long now = Now;
        switch (neighbour.State)
        {
            case NeighbourState.Reachable:
                if (now < neighbour.Confirmed + ReachableTime.Ticks)
                {
                    resolution.Arm(TimeSpan.FromTicks(neighbour.Confirmed + ReachableTime.Ticks - now));
                    return;
                }

                if (now <= neighbour.Used + DelayTime.Ticks)
                {
                    neighbour.State = NeighbourState.Delay;
                    neighbour.Updated = now;
                    resolution.Arm(DelayTime);
                    return;
                }

                neighbour.State = NeighbourState.Stale;
                neighbour.Updated = now;
                stack.OnNeighbourChanged(neighbour);
                return;

            case NeighbourState.Delay:
                neighbour.Updated = now;
                if (now <= neighbour.Confirmed + DelayTime.Ticks && neighbour.Confirmed > 0)
                {
                    neighbour.State = NeighbourState.Reachable;
                    resolution.Arm(TimeSpan.FromTicks(Math.Max(1, neighbour.Confirmed + ReachableTime.Ticks - now)));
                    stack.OnNeighbourChanged(neighbour);
                    return;
                }

                neighbour.State = NeighbourState.Probe;
                neighbour.Probes = 0;
                stack.OnNeighbourChanged(neighbour);
                break;

            case NeighbourState.Probe or NeighbourState.Incomplete:
                break;

            default:
                return;
        }

        if (neighbour.Probes >= MaximumProbes)
        {
            neighbour.State = NeighbourState.Failed;
            neighbour.Updated = now;
            stack.OnNeighbourChanged(neighbour);
            GiveUp(resolution);
            return;
        }

        // Asked again, it is for the sake of what has come last.
        Probe(neighbour, resolution.Waiting.LastOrDefault()?.SourceAddress, null);
        resolution.Arm(RetransmitTime);
    }

    private void Probe(Neighbour neighbour, InternetAddress? source, PacketStory? story)
    {
        neighbour.Probes++;
        if (source is { } address && (stack.Kernel.Addresses.FindLocal(address) is null || address.IsLoopback))
        {
            source = null;
        }

        MacAddress? known = neighbour.State == NeighbourState.Probe && neighbour.HardwareAddress is { } bytes ? MacAddress.Read(bytes) : null;
        if (neighbour.Address.Family == InternetAddress.V4)
        {
            stack.Arp.Solicit(neighbour.Device, neighbour.Address, source, known, story);
        }
        else
        {
            stack.NeighbourDiscovery.Solicit(neighbour.Device, neighbour.Address, source, known, story);
        }
    }

    private void Release(Neighbour neighbour, Resolution resolution)
    {
        while (resolution.Waiting.TryDequeue(out Packet? packet))
        {
            packet.SetLinkHeader(MacAddress.Read(neighbour.HardwareAddress), MacAddress.Read(neighbour.Device.HardwareAddress), packet.Protocol);
            stack.Link.Transmit(neighbour.Device, packet);
        }
    }

    private void GiveUp(Resolution resolution)
    {
        while (resolution.Waiting.TryDequeue(out Packet? packet))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, packet.IsIpv6 ? "nobody answers neighbour solicitations for the next hop" : "nobody answers ARP for the next hop");
            stack.Internet(packet.Family).Icmp.NextHopFailed(packet);
        }
    }

    /// <summary>What waits for a neighbour, and its timer.</summary>
    private sealed class Resolution(NetworkStack stack, Action tick)
    {
        private ITimer? _timer;

        public Queue<Packet> Waiting { get; } = new();

        public void Wait(Packet packet, int maximum)
        {
            if (Waiting.Count >= maximum)
            {
                Waiting.Dequeue();
            }

            Waiting.Enqueue(packet);
        }

        public void Arm(TimeSpan due)
        {
            if (_timer is not null)
            {
                _timer.Change(due, Timeout.InfiniteTimeSpan);
            }
            else if (due != Timeout.InfiniteTimeSpan)
            {
                _timer = stack.Kernel.Time.CreateTimer(
                    _ =>
                    {
                        using Time.SimulationQueue.Call call = stack.Kernel.Enter();
                        tick();
                    },
                    null, due, Timeout.InfiniteTimeSpan);
            }
        }
    }
}
