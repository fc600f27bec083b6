using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (neigh_add, neigh_delete, neigh_dump_info).</summary>
internal sealed class NeighbourVerbs(SimulatedKernel kernel)
{
    private static readonly PolicyTable Policy = new(
        17, (NDA_DST, new(AttributeKind.Binary, 32)), (NDA_LLADDR, new(AttributeKind.Binary, 32)), (NDA_CACHEINFO, AttributePolicy.Any(16)),
        (NDA_PROBES, new(AttributeKind.U32)), (NDA_VLAN, new(AttributeKind.U16)), (NDA_PORT, new(AttributeKind.U16)), (NDA_VNI, new(AttributeKind.U32)),
        (NDA_IFINDEX, new(AttributeKind.U32)), (NDA_MASTER, new(AttributeKind.U32)), (NDA_PROTOCOL, new(AttributeKind.U8)), (NDA_NH_ID, new(AttributeKind.U32)), (NDA_FDB_EXT_ATTRS, new(AttributeKind.Nested)),
        (NDA_FLAGS_EXT, new(AttributeKind.U32) { Mask = 5 }))
    {
        StrictFrom = NDA_NH_ID,
    };

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_UNSPEC, RTM_NEWNEIGH, New);
        subsystem.Handle(AF_UNSPEC, RTM_DELNEIGH, Delete);
        subsystem.Handle(AF_UNSPEC, RTM_GETNEIGH, Get);
        subsystem.HandleDump(AF_UNSPEC, RTM_GETNEIGH, Dump);
        new ForwardingVerbs(kernel).Attach(subsystem);
    }

    private Verdict New(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        ReadOnlySpan<byte> header = message.Payload;
        byte family = header[0];
        int index = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        var state = (NeighbourState)BinaryPrimitives.ReadUInt16LittleEndian(header[8..]);
        byte flags = header[10];
        if (attributes.Bytes(NDA_DST) is not { } destination)
        {
            return new Verdict(LinuxError.EINVAL, "Network address not specified");
        }

        NetworkDevice? device = null;
        if (index != 0)
        {
            device = kernel.Devices.Find(index);
            if (device is null)
            {
                return LinuxError.ENODEV;
            }

            if (attributes.Bytes(NDA_LLADDR) is { } link && link.Length < device.HardwareAddress.Length)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid link address");
            }
        }

        if (family is not (AF_INET or AF_INET6))
        {
            return LinuxError.EAFNOSUPPORT;
        }

        int length = family == AF_INET ? 4 : 16;
        if (destination.Length < length)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid network address");
        }

        InternetAddress address = InternetAddress.Read(family, destination);
        if ((flags & NTF_PROXY) != 0)
        {
            if (device is null)
            {
                return new Verdict(LinuxError.EINVAL, "Device not specified");
            }

            if (!kernel.Neighbours.Proxies.TryGetValue((device, address), out Neighbour? proxy))
            {
                kernel.Neighbours.Proxies.Add((device, address), proxy = new Neighbour(device, address));
            }

            proxy.Flags = (byte)(flags & ~NTF_PROXY);
            proxy.State = state & NeighbourState.Permanent;
            proxy.Protocol = attributes.U8(NDA_PROTOCOL) ?? proxy.Protocol;
            return Verdict.Success;
        }

        if (device is null)
        {
            return new Verdict(LinuxError.EINVAL, "Device not specified");
        }

        NetlinkMessageFlags request = message.Header.Flags;
        Neighbour? neighbour = kernel.Neighbours.Find(device, address);
        if (neighbour is null)
        {
            if ((request & NetlinkMessageFlags.Create) == 0)
            {
                return LinuxError.ENOENT;
            }

            if (family == AF_INET && device.Inet6 is null && device.HasInet is false)
            {
                return LinuxError.EINVAL;
            }

            neighbour = kernel.Neighbours.GetOrAdd(device, address);
            kernel.NeighbourControl.Construct(neighbour);
        }
        else if ((request & NetlinkMessageFlags.Exclusive) != 0)
        {
            return LinuxError.EEXIST;
        }
        else if ((request & NetlinkMessageFlags.Replace) == 0)
        {
            if (attributes.Bytes(NDA_LLADDR) is { } other && neighbour.HardwareAddress is { } known && !other.AsSpan(0, known.Length).SequenceEqual(known) && neighbour.IsValid)
            {
                return Verdict.Success;
            }
        }

        byte[]? linkAddress = attributes.Bytes(NDA_LLADDR)?[..device.HardwareAddress.Length];
        neighbour.Protocol = attributes.U8(NDA_PROTOCOL) ?? neighbour.Protocol;
        neighbour.Flags = (byte)(neighbour.Flags & ~NTF_ROUTER | flags & (NTF_ROUTER | NTF_EXT_LEARNED));
        if ((flags & NTF_USE) != 0)
        {
            if (!neighbour.IsValid)
            {
                kernel.NeighbourControl.Update(neighbour, null, NeighbourState.Incomplete);
            }

            return Verdict.Success;
        }

        // A set of states is taken as it is.
        bool isValid = (state & Neighbour.Valid) != 0;
        if (isValid && linkAddress is null && (neighbour.HardwareAddress is null || !neighbour.IsValid) && device.HardwareAddress.Length > 0)
        {
            return new Verdict(LinuxError.EINVAL, "No link layer address given");
        }

        kernel.NeighbourControl.Administer(neighbour, linkAddress, state, isValid);
        return Verdict.Success;
    }

    private Verdict Delete(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (message.Payload.Length < 12)
        {
            return LinuxError.EINVAL;
        }

        if (!AttributeSet.TryParse(message.Payload[12..], 28, LinkPolicy.None, AttributeStrictness.Liberal, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        ReadOnlySpan<byte> header = message.Payload;
        if (attributes.Bytes(NDA_DST) is not { } destination)
        {
            return new Verdict(LinuxError.EINVAL, "Network address not specified");
        }

        int index = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        NetworkDevice? device = index != 0 ? kernel.Devices.Find(index) : null;
        if (index != 0 && device is null)
        {
            return LinuxError.ENODEV;
        }

        if (header[0] is not (AF_INET or AF_INET6))
        {
            return LinuxError.EAFNOSUPPORT;
        }

        if (destination.Length < (header[0] == AF_INET ? 4 : 16))
        {
            return new Verdict(LinuxError.EINVAL, "Invalid network address");
        }

        InternetAddress address = InternetAddress.Read(header[0], destination);
        if ((header[10] & NTF_PROXY) != 0)
        {
            return device is not null && kernel.Neighbours.Proxies.Remove((device, address)) ? Verdict.Success : LinuxError.ENOENT;
        }

        if (device is null)
        {
            return LinuxError.EINVAL;
        }

        if (kernel.Neighbours.Find(device, address) is not { } neighbour)
        {
            return LinuxError.ENOENT;
        }

        kernel.NeighbourControl.Delete(neighbour);
        return Verdict.Success;
    }

    private Verdict Get(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        ReadOnlySpan<byte> header = message.Payload;
        if (attributes.Bytes(NDA_DST) is not { } destination)
        {
            return new Verdict(LinuxError.EINVAL, "Network address not specified");
        }

        if (header[0] is not (AF_INET or AF_INET6))
        {
            return new Verdict(LinuxError.EAFNOSUPPORT, "Unsupported family in header for neighbor get request");
        }

        if (kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(header[4..])) is not { } device)
        {
            return new Verdict(LinuxError.ENODEV, "Unknown device ifindex");
        }

        InternetAddress address = InternetAddress.Read(header[0], destination);
        byte[]? answer = (header[10] & NTF_PROXY) != 0
            ? kernel.Neighbours.Proxies.TryGetValue((device, address), out Neighbour? proxy) ? NeighbourMessage.BuildProxy(proxy, RTM_NEWNEIGH) : null
            : kernel.Neighbours.Find(device, address) is { } neighbour ? NeighbourMessage.Build(kernel, neighbour, RTM_NEWNEIGH) : null;
        if (answer is null)
        {
            return new Verdict(LinuxError.ENOENT, (header[10] & NTF_PROXY) != 0 ? "Proxy neighbour entry not found" : "Neighbour entry not found");
        }

        SocketAnswers.Answer(socket, message, answer);
        return Verdict.Success;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        byte family = payload[0];
        bool proxies = payload.Length >= 12 && payload[10] == NTF_PROXY;
        int index = 0;
        int master = 0;
        if (socket.StrictChecking && payload.Length < 12)
        {
            return LinkQueries.FailDump(socket, message, new Verdict(LinuxError.EINVAL, "Invalid header for neighbor dump request"));
        }

        if (payload.Length >= 12)
        {
            if (!AttributeSet.TryParse(payload[12..], 28, Policy, socket.StrictChecking ? AttributeStrictness.NoUnknown : AttributeStrictness.Liberal, out AttributeSet attributes, out Verdict refused))
            {
                return LinkQueries.FailDump(socket, message, refused);
            }

            index = (int)(attributes.U32(NDA_IFINDEX) ?? 0);
            master = (int)(attributes.U32(NDA_MASTER) ?? 0);
            if (socket.StrictChecking && (BinaryPrimitives.ReadInt32LittleEndian(payload[4..]) != 0 || payload[8] != 0 || payload[9] != 0 || payload[11] != 0))
            {
                return LinkQueries.FailDump(socket, message, new Verdict(LinuxError.EINVAL, "Invalid values in header for neighbor dump request"));
            }
        }

        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, Messages())
        {
            DoneRidesAlong = kernel.Profile.IsAtLeast(6, 9),
            ExtraFlags = index != 0 || master != 0 ? NetlinkMessageFlags.DumpFiltered : 0,
            DoneHasExtraFlags = false,
        });
        return Verdict.Answered;

        IEnumerable<byte[]> Messages()
        {
            foreach (byte one in family == AF_UNSPEC ? (byte[])[AF_INET, AF_INET6] : [family])
            {
                if (proxies)
                {
                    foreach (Neighbour proxy in kernel.Neighbours.Proxies.Values.Where(proxy => proxy.Address.Family == one).ToArray())
                    {
                        if ((index == 0 || proxy.Device.Index == index) && (master == 0 || proxy.Device.Master?.Index == master))
                        {
                            yield return NeighbourMessage.BuildProxy(proxy, RTM_NEWNEIGH);
                        }
                    }

                    continue;
                }

                foreach (Neighbour neighbour in kernel.Neighbours.All.Where(neighbour => neighbour.Address.Family == one).ToArray())
                {
                    if ((index == 0 || neighbour.Device.Index == index) && (master == 0 || neighbour.Device.Master?.Index == master))
                    {
                        yield return NeighbourMessage.Build(kernel, neighbour, RTM_NEWNEIGH);
                    }
                }
            }
        }
    }

    private static bool TryParse(NetlinkMessage message, out AttributeSet attributes, out Verdict verdict)
    {
        if (message.Payload.Length < 12)
        {
            AttributeSet.TryParse([], 0, Policy, AttributeStrictness.Liberal, out attributes, out _);
            verdict = LinuxError.EINVAL;
            return false;
        }

        return AttributeSet.TryParse(message.Payload[12..], 28, Policy, AttributeStrictness.Liberal, out attributes, out verdict);
    }
}
