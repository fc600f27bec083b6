using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (inet_rtm_newaddr, inet6_rtm_newaddr and their like).</summary>
internal sealed class AddressVerbs(SimulatedKernel kernel)
{
    private static readonly PolicyTable V4Policy = new(
        11, (IFA_LOCAL, new(AttributeKind.U32)), (IFA_ADDRESS, new(AttributeKind.U32)), (IFA_BROADCAST, new(AttributeKind.U32)),
        (IFA_LABEL, new(AttributeKind.String, 15)), (IFA_CACHEINFO, AttributePolicy.Any(16)), (IFA_FLAGS, new(AttributeKind.U32)),
        (IFA_RT_PRIORITY, new(AttributeKind.U32)), (IFA_TARGET_NETNSID, new(AttributeKind.S32)), (IFA_PROTO, new(AttributeKind.U8)));

    private static readonly PolicyTable V6Policy = new(
        11, (IFA_ADDRESS, AttributePolicy.Any(16)), (IFA_LOCAL, AttributePolicy.Any(16)), (IFA_CACHEINFO, AttributePolicy.Any(16)),
        (IFA_FLAGS, new(AttributeKind.U32)), (IFA_RT_PRIORITY, new(AttributeKind.U32)), (IFA_TARGET_NETNSID, new(AttributeKind.S32)), (IFA_PROTO, new(AttributeKind.U8)));

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_INET, RTM_NEWADDR, NewV4);
        subsystem.Handle(AF_INET, RTM_DELADDR, DeleteV4);
        subsystem.Handle(AF_INET6, RTM_NEWADDR, NewV6);
        subsystem.Handle(AF_INET6, RTM_DELADDR, DeleteV6);
        subsystem.Handle(AF_INET6, RTM_GETADDR, GetV6);
        subsystem.HandleDump(AF_INET, RTM_GETADDR, (socket, message) => Dump(socket, message, [AF_INET]));
        subsystem.HandleDump(AF_INET6, RTM_GETADDR, (socket, message) => Dump(socket, message, [AF_INET6]));
        subsystem.HandleDump(AF_UNSPEC, RTM_GETADDR, (socket, message) => Dump(socket, message, [AF_INET, AF_INET6]));
    }

    private Verdict NewV4(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, V4Policy, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        ReadOnlySpan<byte> header = message.Payload;
        byte prefixLength = header[1];
        if (prefixLength > 32)
        {
            return new Verdict(LinuxError.EINVAL, "ipv4: Invalid prefix length");
        }

        if (attributes.Bytes(IFA_LOCAL) is not { } localBytes)
        {
            return new Verdict(LinuxError.EINVAL, "ipv4: Local address is not supplied");
        }

        // Since the network namespaces have locks of their own the lifetimes are looked at before the device.
        if (kernel.Profile.IsAtLeast(6, 13) && attributes.Bytes(IFA_CACHEINFO) is { Length: >= 8 } times
            && (BinaryPrimitives.ReadUInt32LittleEndian(times.AsSpan(4)) == 0 || BinaryPrimitives.ReadUInt32LittleEndian(times) > BinaryPrimitives.ReadUInt32LittleEndian(times.AsSpan(4))))
        {
            return new Verdict(LinuxError.EINVAL, "ipv4: address lifetime invalid");
        }

        if (kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(header[4..])) is not { } device)
        {
            return new Verdict(LinuxError.ENODEV, "ipv4: Device not found");
        }

        if (!device.HasInet)
        {
            return LinuxError.ENOBUFS;
        }

        if (!TryLifetimes(attributes, out uint preferred, out uint valid, out verdict, "ipv4: ", kernel.Profile.IsAtLeast(6, 13)))
        {
            return verdict;
        }

        InternetAddress local = InternetAddress.Read(AF_INET, localBytes);
        uint flags = attributes.U32(IFA_FLAGS) ?? header[2];
        var address = new InterfaceAddress(device, local, prefixLength)
        {
            Address = attributes.Bytes(IFA_ADDRESS) is { } far ? InternetAddress.Read(AF_INET, far) : local,
            Broadcast = attributes.Bytes(IFA_BROADCAST) is { } broadcast ? InternetAddress.Read(AF_INET, broadcast) : null,
            Scope = header[3],
            Flags = flags,
            Label = attributes.Text(IFA_LABEL) ?? device.Name,
            Priority = attributes.U32(IFA_RT_PRIORITY) ?? 0,
            Protocol = attributes.U8(IFA_PROTO) ?? 0,
        };
        var requester = new Requester(socket, message.Header);
        InterfaceAddress? existing = kernel.Addresses.Of(device, AF_INET)
            .FirstOrDefault(other => other.PrefixLength == prefixLength && other.Local == local && other.Address.IsIn(address.Address, prefixLength));
        if (existing is null)
        {
            if ((flags & IFA_F_MCAUTOJOIN) != 0 && !local.IsMulticast)
            {
                return new Verdict(LinuxError.EINVAL, "ipv4: Multicast auto join failed");
            }

            ApplyLifetimes(address, preferred, valid);
            if (address.Broadcast is { IsAny: true })
            {
                address.Broadcast = null;
            }

            return kernel.Inet4.Insert(address, requester);
        }

        if ((message.Header.Flags & NetlinkMessageFlags.Exclusive) != 0 || (message.Header.Flags & NetlinkMessageFlags.Replace) == 0)
        {
            return new Verdict(LinuxError.EEXIST, "ipv4: Address already assigned");
        }

        kernel.Inet4.ChangeMetric(existing, address.Priority);
        existing.Protocol = address.Protocol;
        ApplyLifetimes(existing, preferred, valid);
        kernel.Inet4.Changed(existing, requester);
        return Verdict.Success;
    }

    private Verdict DeleteV4(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, V4Policy, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        ReadOnlySpan<byte> header = message.Payload;
        if (kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(header[4..])) is not { } device)
        {
            return new Verdict(LinuxError.ENODEV, "ipv4: Device not found");
        }

        if (!device.HasInet)
        {
            return new Verdict(LinuxError.ENODEV, "ipv4: Device not found");
        }

        byte prefixLength = header[1];
        foreach (InterfaceAddress address in kernel.Addresses.Of(device, AF_INET))
        {
            if (attributes.Bytes(IFA_LOCAL) is { } local && address.Local != InternetAddress.Read(AF_INET, local))
            {
                continue;
            }

            if (attributes.Text(IFA_LABEL) is { } label && label != address.Label)
            {
                continue;
            }

            if (attributes.Bytes(IFA_ADDRESS) is { } far
                && (prefixLength != address.PrefixLength || !InternetAddress.Read(AF_INET, far).IsIn(address.Address, address.PrefixLength)))
            {
                continue;
            }

            kernel.Inet4.Delete(address, new Requester(socket, message.Header));
            return Verdict.Success;
        }

        return new Verdict(LinuxError.EADDRNOTAVAIL, "ipv4: Address not found");
    }

    private Verdict NewV6(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, V6Policy, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        ReadOnlySpan<byte> header = message.Payload;
        byte prefixLength = header[1];
        if (!TryV6(attributes, out InternetAddress local, out InternetAddress? peer))
        {
            return LinuxError.EINVAL;
        }

        if (!TryLifetimes(attributes, out uint preferred, out uint valid, out verdict, "ipv6: ", tellsApart: false))
        {
            return verdict;
        }

        if (kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(header[4..])) is not { } device)
        {
            return new Verdict(LinuxError.ENODEV, kernel.Profile.IsAtLeast(6, 4) ? "ipv6: Unable to find the interface" : null);
        }

        const uint Settable = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN | IFA_F_OPTIMISTIC;
        uint flags = (attributes.U32(IFA_FLAGS) ?? header[2]) & Settable;
        var requester = new Requester(socket, message.Header);
        if (kernel.Addresses.Find(device, local) is { } existing)
        {
            if ((message.Header.Flags & NetlinkMessageFlags.Exclusive) != 0 || (message.Header.Flags & NetlinkMessageFlags.Replace) == 0)
            {
                return new Verdict(LinuxError.EEXIST, "ipv6: address already assigned");
            }

            ApplyLifetimes(existing, preferred, valid);
            existing.Flags = existing.Flags & ~Settable | flags;
            existing.Updated = kernel.Ticks;
            if (attributes.U32(IFA_RT_PRIORITY) is { } metric)
            {
                existing.Priority = metric;
            }

            kernel.Inet6.Notify(existing, RTM_NEWADDR, requester);
            return Verdict.Success;
        }

        if (prefixLength > 128)
        {
            return new Verdict(LinuxError.EINVAL, "ipv6: Invalid prefix length");
        }

        var address = new InterfaceAddress(device, local, prefixLength)
        {
            Address = peer ?? local,
            Flags = flags,
            Scope = local.IsLoopback ? RT_SCOPE_HOST : local.IsLinkLocal ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
            Priority = attributes.U32(IFA_RT_PRIORITY) ?? 0,
            Protocol = attributes.U8(IFA_PROTO) ?? 0,
        };
        ApplyLifetimes(address, preferred, valid);
        return kernel.Inet6.Add(address, requester);
    }

    private Verdict DeleteV6(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, V6Policy, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        if (!TryV6(attributes, out InternetAddress local, out _))
        {
            return LinuxError.EINVAL;
        }

        ReadOnlySpan<byte> header = message.Payload;
        if (header[1] > 128)
        {
            return new Verdict(LinuxError.EINVAL, "ipv6: Invalid prefix length");
        }

        if (kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(header[4..])) is not { } device)
        {
            return new Verdict(LinuxError.ENODEV, "ipv6: Unable to find the interface");
        }

        if (device.Inet6 is null)
        {
            return new Verdict(LinuxError.ENXIO, "ipv6: IPv6 is disabled on this device");
        }

        byte prefixLength = header[1];
        if (kernel.Addresses.Of(device, AF_INET6).FirstOrDefault(other => other.Local == local && other.PrefixLength == prefixLength) is not { } address)
        {
            return new Verdict(LinuxError.EADDRNOTAVAIL, "ipv6: address not found");
        }

        kernel.Inet6.Delete(address);
        return Verdict.Success;
    }

    private Verdict GetV6(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, V6Policy, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        if (!TryV6(attributes, out InternetAddress local, out _))
        {
            return LinuxError.EINVAL;
        }

        int index = BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..]);
        InterfaceAddress? found = index > 0 && kernel.Devices.Find(index) is { } device ? kernel.Addresses.Find(device, local) : kernel.Addresses.FindLocal(local);
        if (found is null)
        {
            return LinuxError.EADDRNOTAVAIL;
        }

        socket.Deliver(AddressMessage.Build(kernel, found, RTM_NEWADDR, message.Header.Sequence, socket.PortId));
        return Verdict.Success;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message, byte[] families)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        string prefix = families[0] == AF_INET ? "ipv4: " : "ipv6: ";
        int index = 0;
        if (socket.StrictChecking)
        {
            if (payload.Length < 8)
            {
                return LinkQueries.FailDump(socket, message, new Verdict(LinuxError.EINVAL, prefix + "Invalid header for address dump request"));
            }

            if (payload[1] != 0 || payload[2] != 0 || payload[3] != 0)
            {
                return LinkQueries.FailDump(socket, message, new Verdict(LinuxError.EINVAL, prefix + "Invalid values in header for address dump request"));
            }

            index = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
            if (!AttributeSet.TryParse(payload[8..], 24, families[0] == AF_INET ? V4Policy : V6Policy, AttributeStrictness.NoUnknown, out AttributeSet attributes, out Verdict refused))
            {
                return LinkQueries.FailDump(socket, message, refused);
            }

            for (ushort type = 1; type <= 11; type++)
            {
                if (attributes.Has(type) && type != IFA_TARGET_NETNSID)
                {
                    return LinkQueries.FailDump(socket, message, new Verdict(LinuxError.EINVAL, prefix + "Unsupported attribute in dump request"));
                }
            }

            if (index != 0 && kernel.Devices.Find(index) is null)
            {
                return LinkQueries.FailDump(socket, message, LinuxError.ENODEV, filtered: true);
            }
        }

        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, Messages())
        {
            DoneRidesAlong = families is [AF_INET6] && kernel.Profile.IsAtLeast(6, 10),
            Generation = () => kernel.Addresses.Generation,
            ExtraFlags = index != 0 ? NetlinkMessageFlags.DumpFiltered : 0,
        });
        return Verdict.Answered;

        IEnumerable<byte[]> Messages()
        {
            foreach (byte family in families)
            {
                int last = 0;
                while (kernel.Devices.Next(last) is { } device)
                {
                    last = device.Index;
                    if (index != 0 && device.Index != index)
                    {
                        continue;
                    }

                    foreach (InterfaceAddress address in kernel.Addresses.Of(device, family).ToArray())
                    {
                        yield return AddressMessage.Build(kernel, address, RTM_NEWADDR);
                    }
                }
            }
        }
    }

    private static bool TryParse(NetlinkMessage message, PolicyTable policy, out AttributeSet attributes, out Verdict verdict)
    {
        if (message.Payload.Length < 8)
        {
            AttributeSet.TryParse([], 0, policy, AttributeStrictness.Liberal, out attributes, out _);
            verdict = LinuxError.EINVAL;
            return false;
        }

        return AttributeSet.TryParse(message.Payload[8..], 24, policy, AttributeStrictness.Liberal, out attributes, out verdict);
    }

    private static bool TryV6(AttributeSet attributes, out InternetAddress local, out InternetAddress? peer)
    {
        local = default;
        peer = null;
        InternetAddress? address = attributes.Bytes(IFA_ADDRESS) is { } first ? InternetAddress.Read(AF_INET6, first) : null;
        if (attributes.Bytes(IFA_LOCAL) is { } second)
        {
            local = InternetAddress.Read(AF_INET6, second);
            peer = address is { } far && far != local ? far : null;
            return true;
        }

        local = address ?? default;
        return address is not null;
    }

    private static bool TryLifetimes(AttributeSet attributes, out uint preferred, out uint valid, out Verdict verdict, string prefix, bool tellsApart)
    {
        preferred = InterfaceAddress.Forever;
        valid = InterfaceAddress.Forever;
        verdict = Verdict.Success;
        if (attributes.Bytes(IFA_CACHEINFO) is { } cache)
        {
            preferred = BinaryPrimitives.ReadUInt32LittleEndian(cache);
            valid = BinaryPrimitives.ReadUInt32LittleEndian(cache.AsSpan(4));
            if (valid == 0 || preferred > valid)
            {
                verdict = new Verdict(LinuxError.EINVAL, prefix + "address lifetime invalid");
                if (prefix == "ipv4: " && tellsApart)
                {
                    verdict = new Verdict(LinuxError.EINVAL, prefix + (valid == 0 ? "Invalid valid lifetime" : "Invalid preferred lifetime"));
                }

                return false;
            }
        }

        return true;
    }

    private void ApplyLifetimes(InterfaceAddress address, uint preferred, uint valid)
    {
        address.Flags &= ~(IFA_F_PERMANENT | IFA_F_DEPRECATED);
        address.ValidLifetime = valid;
        address.PreferredLifetime = preferred;
        if (valid == InterfaceAddress.Forever)
        {
            address.Flags |= IFA_F_PERMANENT;
        }

        if (preferred == 0)
        {
            address.Flags |= IFA_F_DEPRECATED;
        }

        address.Updated = kernel.Ticks;
    }
}
