using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_GETLINK in its families, RTM_GETNETCONF, and what else only reads links.</summary>
internal sealed class LinkQueries(SimulatedKernel kernel)
{
    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_UNSPEC, RTM_GETLINK, GetLink);
        subsystem.HandleDump(AF_UNSPEC, RTM_GETLINK, DumpLinks);
        subsystem.HandleDump(AF_BRIDGE, RTM_GETLINK, DumpBridgeLinks);
        subsystem.HandleDump(AF_INET6, RTM_GETLINK, DumpInet6Links);
        subsystem.HandleDump(AF_INET, RTM_GETNETCONF, (socket, message) => DumpNetconf(socket, message, AF_INET));
        subsystem.HandleDump(AF_INET6, RTM_GETNETCONF, (socket, message) => DumpNetconf(socket, message, AF_INET6));
    }

    private Verdict GetLink(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (socket.StrictChecking)
        {
            if (message.Payload.Length < 16)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid header for get link");
            }

            ReadOnlySpan<byte> header = message.Payload;
            if (header[1] != 0 || BinaryPrimitives.ReadUInt16LittleEndian(header[2..]) != 0 || BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) != 0
                || BinaryPrimitives.ReadUInt32LittleEndian(header[12..]) != 0)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid values in header for get link request");
            }

            if (!AttributeSet.TryParse(message.Payload[16..], 32, LinkPolicy.LinkOf(kernel.Profile), AttributeStrictness.NoUnknown, out AttributeSet strict, out Verdict refused))
            {
                return refused;
            }

            for (ushort type = 1; type <= LinkPolicy.LinkOf(kernel.Profile).MaximumType; type++)
            {
                if (strict.Has(type) && type is not (IFLA_IFNAME or IFLA_ALT_IFNAME or IFLA_EXT_MASK or IFLA_TARGET_NETNSID))
                {
                    return new Verdict(LinuxError.EINVAL, "Unsupported attribute in get link request");
                }
            }
        }

        if (!LinkVerbs.TryParse(kernel, message, out LinkRequest request, out Verdict verdict))
        {
            return verdict;
        }

        AttributeSet attributes = request.Attributes;
        if (request.Index <= 0 && !attributes.Has(IFLA_IFNAME) && !attributes.Has(IFLA_ALT_IFNAME))
        {
            return LinuxError.EINVAL;
        }

        NetworkDevice? device = request.Index > 0
            ? kernel.Devices.Find(request.Index)
            : kernel.Devices.Find(attributes.Text(IFLA_IFNAME) ?? attributes.Text(IFLA_ALT_IFNAME)!);
        if (device is null)
        {
            return LinuxError.ENODEV;
        }

        var options = new LinkMessageOptions(0, message.Header.Sequence, socket.PortId, attributes.U32(IFLA_EXT_MASK) ?? 0);
        socket.Deliver(LinkMessage.Build(kernel, device, RTM_NEWLINK, options));
        return Verdict.Success;
    }

    private Verdict DumpLinks(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        AttributeSet? attributes;
        ReadOnlySpan<byte> payload = message.Payload;
        if (socket.StrictChecking)
        {
            if (payload.Length < 16)
            {
                return FailDump(socket, message, new Verdict(LinuxError.EINVAL, "Invalid header for link dump"));
            }

            if (payload[1] != 0 || BinaryPrimitives.ReadUInt16LittleEndian(payload[2..]) != 0 || BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]) != 0
                || BinaryPrimitives.ReadUInt32LittleEndian(payload[12..]) != 0)
            {
                return FailDump(socket, message, new Verdict(LinuxError.EINVAL, "Invalid values in header for link dump request"));
            }

            if (BinaryPrimitives.ReadInt32LittleEndian(payload[4..]) != 0)
            {
                return FailDump(socket, message, new Verdict(LinuxError.EINVAL, "Filter by device index not supported for link dumps"));
            }

            if (!AttributeSet.TryParse(payload[16..], 32, LinkPolicy.LinkOf(kernel.Profile), AttributeStrictness.NoUnknown, out attributes, out Verdict refused))
            {
                return FailDump(socket, message, refused);
            }

            for (ushort type = 1; type <= LinkPolicy.LinkOf(kernel.Profile).MaximumType; type++)
            {
                if (attributes.Has(type) && type is not (IFLA_TARGET_NETNSID or IFLA_EXT_MASK or IFLA_MASTER or IFLA_LINKINFO))
                {
                    return FailDump(socket, message, new Verdict(LinuxError.EINVAL, "Unsupported attribute in link dump request"));
                }
            }
        }
        else
        {
            int header = payload.Length < 16 ? 1 : 16;
            int offset = header + 3 & ~3;
            if (!AttributeSet.TryParse(payload.Length > offset ? payload[offset..] : default, 16 + offset, LinkPolicy.LinkOf(kernel.Profile), AttributeStrictness.Liberal, out attributes, out Verdict refused))
            {
                return FailDump(socket, message, refused);
            }
        }

        uint filter = attributes.U32(IFLA_EXT_MASK) ?? 0;
        uint? master = attributes.U32(IFLA_MASTER);
        string? kind = attributes.Nest(IFLA_LINKINFO, LinkPolicy.Info, out _)?.Text(IFLA_INFO_KIND);
        if (kind is not null && !kernel.Profile.LinkKinds.Contains(kind))
        {
            // A kind that the kernel doesn't know filters nothing.
            kind = null;
        }

        bool isFiltered = master is > 0 || !string.IsNullOrEmpty(kind);
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, Messages())
        {
            Generation = () => kernel.Devices.Generation,
            ExtraFlags = isFiltered ? NetlinkMessageFlags.DumpFiltered : 0,
            DoneHasExtraFlags = false,
            MinimumPartSize = filter == 0 && !socket.StrictChecking ? 0 : LargestLinkMessage(filter),
        });
        return Verdict.Answered;

        IEnumerable<byte[]> Messages()
        {
            int last = 0;
            while (kernel.Devices.Next(last) is { } device)
            {
                last = device.Index;
                if ((master is > 0 && device.Master?.Index != master) || (!string.IsNullOrEmpty(kind) && device.Kind != kind))
                {
                    continue;
                }

                yield return LinkMessage.Build(kernel, device, RTM_NEWLINK, new LinkMessageOptions(FilterMask: filter));
            }
        }
    }

    /// <summary>Ends a dump at once: the error stands in NLMSG_DONE.</summary>
    internal static Verdict FailDump(SimulatedNetlinkSocket socket, NetlinkMessage message, Verdict verdict, bool filtered = false)
    {
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, [])
        {
            Result = -(int)verdict.Error,
            ResultAttributes = socket.ExtendedAcknowledgements ? verdict.Attributes() : [],
            ExtraFlags = filtered ? NetlinkMessageFlags.DumpFiltered : 0,
        });
        return Verdict.Answered;
    }

    private int LargestLinkMessage(uint filter) => kernel.Devices.All.Max(device => LinkMessage.Build(kernel, device, RTM_NEWLINK, new LinkMessageOptions(FilterMask: filter)).Length);

    private Verdict DumpBridgeLinks(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        uint filter = 0;
        if (payload.Length >= 16)
        {
            if (!AttributeSet.TryParse(payload[16..], 32, LinkPolicy.LinkOf(kernel.Profile), socket.StrictChecking ? AttributeStrictness.NoUnknown : AttributeStrictness.Liberal, out AttributeSet attributes, out Verdict refused))
            {
                return FailDump(socket, message, refused);
            }

            filter = attributes.U32(IFLA_EXT_MASK) ?? 0;
        }
        else if (socket.StrictChecking)
        {
            return FailDump(socket, message, new Verdict(LinuxError.EINVAL, "Invalid header for bridge link dump"));
        }

        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, Messages()) { Generation = () => kernel.Devices.Generation });
        return Verdict.Answered;

        IEnumerable<byte[]> Messages()
        {
            int last = 0;
            while (kernel.Devices.Next(last) is { } device)
            {
                last = device.Index;
                bool withVlans = (filter & (RTEXT_FILTER_BRVLAN | RTEXT_FILTER_BRVLAN_COMPRESSED)) != 0;
                if (device.Port is not null || (device.Bridge is not null && withVlans))
                {
                    yield return BridgeLinkMessage.Build(kernel, device, RTM_NEWLINK, filter);
                }
            }
        }
    }

    private Verdict DumpInet6Links(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, kernel.Devices.All.ToArray()
            .Where(static device => device.Inet6 is not null)
            .Select(device => LinkMessage.BuildInet6(kernel, device, RTM_NEWLINK)))
        {
            DoneRidesAlong = kernel.Profile.IsAtLeast(6, 10),
        });
        return Verdict.Answered;
    }

    private Verdict DumpNetconf(SimulatedNetlinkSocket socket, NetlinkMessage message, byte family)
    {
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, Messages()) { DoneRidesAlong = kernel.Profile.IsAtLeast(6, 9) });
        return Verdict.Answered;

        IEnumerable<byte[]> Messages()
        {
            foreach (NetworkDevice device in kernel.Devices.All.ToArray())
            {
                yield return NetconfMessage.Build(kernel, family, device.Index, device.Name);
            }

            yield return NetconfMessage.Build(kernel, family, -1, "all");
            yield return NetconfMessage.Build(kernel, family, -2, "default");
        }
    }
}
