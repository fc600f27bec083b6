using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Faults;

/// <summary>All that can go wrong by chance in a cloud.</summary>
public static class CloudFaults
{
    private static readonly TimeSpan AWhile = TimeSpan.FromSeconds(2);

    /// <summary>Every kind, in the order of the documentation.</summary>
    public static IReadOnlyList<CloudFault> All { get; } =
    [
        Single("answer-overrun", "an answer finds the receive buffer full: it is lost, and the next receive says ENOBUFS", FaultPoint.Answer, FaultKind.Overrun),
        Single("receive-interrupted", "a receive says EINTR", FaultPoint.Receive, FaultKind.Fail, LinuxError.EINTR),
        Single("send-interrupted", "a send says EINTR and nothing was sent", FaultPoint.Send, FaultKind.Fail, LinuxError.EINTR),
        Single("send-no-buffers", "a send says ENOBUFS and nothing was sent", FaultPoint.Send, FaultKind.Fail, LinuxError.ENOBUFS),
        Single("answer-lost", "an answer is lost without a word, after the request was carried out", FaultPoint.Answer, FaultKind.Lose),
        Single("answer-late", "an answer comes 15 seconds late, after the request was carried out", FaultPoint.Answer, FaultKind.Delay),
        Single("answer-truncated", "an answer is cut in the middle", FaultPoint.Answer, FaultKind.Truncate),
        Single("answer-twice", "an answer comes twice", FaultPoint.Answer, FaultKind.Duplicate),
        Single("answer-overtaken", "an answer comes after the one that follows it", FaultPoint.Answer, FaultKind.Reorder),
        Single("event-lost", "a multicast event finds the receive buffer full: it is lost, and the next receive says ENOBUFS", FaultPoint.Event, FaultKind.Overrun) with { Weight = 5 },
        Single("event-twice", "a multicast event comes twice", FaultPoint.Event, FaultKind.Duplicate) with { Weight = 5 },
        Single("event-overtaken", "a multicast event comes after the one that follows it", FaultPoint.Event, FaultKind.Reorder) with { Weight = 5 },
        Single("dump-interrupted", "a part of a dump carries NLM_F_DUMP_INTR", FaultPoint.DumpPart, FaultKind.Interrupt),
        Acting("dump-changed", "another program changes the kernel between two parts of a dump", FaultPoint.DumpPart, static s => s.Part > 0, static armed => armed.Foreign.Write()),
        Acting("generation-clash", "another program commits just before a batch that is bound to a generation arrives (ERESTART)", FaultPoint.Send, IsBound, static armed => armed.Foreign.Write()) with { Weight = 20 },
        Acting("foreign-writer", "another program changes its own table and link", FaultPoint.Send, null, static armed => armed.Foreign.Write()),
        Single("no-space", "the kernel refuses one change with ENOSPC", FaultPoint.Request, FaultKind.Fail, LinuxError.ENOSPC, static s => s.IsChange) with { Weight = 5 },
        Single("no-memory", "the kernel refuses one change with ENOMEM, in the middle of a batch too", FaultPoint.Request, FaultKind.Fail, LinuxError.ENOMEM, static s => s.IsChange) with { Weight = 5 },
        Single("no-permission", "the kernel refuses one change with EPERM", FaultPoint.Request, FaultKind.Fail, LinuxError.EPERM, static s => s.IsChange) with { Weight = 5 },
        Acting("device-vanishes", "a VLAN device or bridge is removed by another program", FaultPoint.Send, null, static armed => WithDevice(armed, Remove)),
        Acting("device-renamed", "a VLAN device or bridge is renamed by another program", FaultPoint.Send, null, static armed => WithDevice(armed, device => Rename(device, armed.Random), static device => device.Alias is not null)),
        Acting("index-reused", "a VLAN device or bridge is removed, and another device gets its index", FaultPoint.Send, null, static armed => WithDevice(armed, ReuseIndex)),
        Acting("link-flap", "a network card loses its signal for two seconds", FaultPoint.Send, null, static armed => WithUplink(armed, static (all, uplink) => all.For(AWhile, uplink.Cable.Unplug, uplink.Cable.Plug))),
        Acting("switch-drops-tagged", "the machine's switch port lets no tagged frame through for two seconds", FaultPoint.Send, null, static armed => WithUplink(armed, static (all, uplink) =>
            all.For(AWhile, () => uplink.Port.DropsTaggedFrames = true, () => uplink.Port.DropsTaggedFrames = false))),
        Acting("frames-lost", "a third of the frames on a cable is lost for two seconds", FaultPoint.Send, null, static armed => WithUplink(armed, static (all, uplink) =>
            all.For(AWhile, () => uplink.Cable.LossRate = 0.33, () => uplink.Cable.LossRate = 0))),
        Acting("frames-overtaken", "a third of the frames on a cable is overtaken by later ones for two seconds", FaultPoint.Send, null, static armed => WithUplink(armed, static (all, uplink) =>
            all.For(AWhile, () => uplink.Cable.ReorderRate = 0.33, () => uplink.Cable.ReorderRate = 0))),
        Acting("killed", "the machine's programs are killed in a system call, which the kernel still carries out", FaultPoint.Send, null, static armed => Kill(armed.Host.Kernel)) with { Weight = 0.25 },
        Acting("killed-reading", "the machine's programs are killed while they receive", FaultPoint.Receive, null, static armed => Kill(armed.Host.Kernel)) with { Weight = 0.1 },
        Acting("clock-jump", "somebody sets the time of day up to two hours forward or one hour back", FaultPoint.Send, null, static armed =>
            armed.Host.Cloud.Clock.SetForward(TimeSpan.FromMinutes(armed.Random.Next(180) - 60))),
    ];

    /// <summary>The kind of this name; null where there is none.</summary>
    public static CloudFault? Find(string name) => All.FirstOrDefault(fault => fault.Name == name);

    /// <summary>Has kinds of faults strike on a machine by chance until what this returns is disposed.</summary>
    /// <param name="host">The machine.</param>
    /// <param name="kinds">What may strike.</param>
    /// <param name="chance">Each kind's chance, from 0 to 1, each time that its place is reached; times its <see cref="CloudFault.Weight"/>.</param>
    /// <param name="foreign">The other program on the machine, which some kinds are about.</param>
    public static ArmedFaults Arm(SimulatedHost host, IEnumerable<CloudFault> kinds, double chance, ForeignWriter foreign)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(kinds);
        ArgumentNullException.ThrowIfNull(foreign);
        var armed = new ArmedFaults(host, foreign, chance, host.Kernel.Options.Seed);
        foreach (CloudFault kind in kinds)
        {
            kind.Arm(armed, kind);
        }

        return armed;
    }

    private static CloudFault Single(string name, string description, FaultPoint point, FaultKind kind, LinuxError error = LinuxError.ENOBUFS, Func<FaultSituation, bool>? when = null) => new(name, description)
    {
        Arm = (armed, self) => armed.Add(self, new Fault(point, kind) { Error = error, When = when, Delay = TimeSpan.FromSeconds(15) }),
    };

    private static CloudFault Acting(string name, string description, FaultPoint point, Func<FaultSituation, bool>? when, Action<ArmedFaults> action) => new(name, description)
    {
        Arm = (armed, self) => armed.Run(self, point, when, action),
    };

    // A batch's beginning names its generation in an attribute behind the family header.
    private static bool IsBound(FaultSituation situation) =>
        situation.IsBatch && System.Runtime.InteropServices.MemoryMarshal.Read<NetlinkHeader>(situation.Datagram.Span).Length > 20;

    // A device that bears no mark yet and another name cannot be told from a stranger's: engines name it and leave it alone, as they should.
    private static void WithDevice(ArmedFaults armed, Action<NetworkDevice> action, Func<NetworkDevice, bool>? which = null)
    {
        NetworkDevice[] candidates = [.. armed.Host.Kernel.Devices.All.Where(device => (device.Vlan is not null || device.Bridge is not null) && which?.Invoke(device) != false)];
        if (candidates.Length > 0)
        {
            action(candidates[armed.Random.Next(candidates.Length)]);
        }
    }

    private static void WithUplink(ArmedFaults armed, Action<ArmedFaults, (Cable Cable, SwitchPort Port)> action)
    {
        (Cable, SwitchPort)[] uplinks = [.. armed.Uplinks];
        if (uplinks.Length > 0)
        {
            action(armed, uplinks[armed.Random.Next(uplinks.Length)]);
        }
    }

    private static void Rename(NetworkDevice device, RandomSource random)
    {
        string name = $"stolen{random.Next(1000)}";
        if (device.Kernel.Devices.Find(name) is null)
        {
            device.Kernel.DeviceControl.Rename(device, name);
        }
    }

    private static void Remove(NetworkDevice device)
    {
        using RouteConnection links = RouteConnection.Open(device.Kernel);
        device.Kernel.Wait(links.DeleteLinkAsync(device.Index).AsTask());
    }

    private static void ReuseIndex(NetworkDevice device)
    {
        int index = device.Index;
        Remove(device);
        string name = $"other{index}";
        if (device.Kernel.Devices.Find(name) is null && device.Kernel.Devices.Find(index) is null)
        {
            using RouteConnection links = RouteConnection.Open(device.Kernel);
            device.Kernel.Wait(links.AddLinkAsync(new Link { Index = index, Name = name, Info = new LinkInfo { Kind = "dummy" } }).AsTask());
        }
    }

    private static void Kill(SimulatedKernel kernel)
    {
        foreach (SimulatedProcess process in kernel.Processes.ToArray())
        {
            process.Kill();
        }
    }
}
