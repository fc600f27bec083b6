using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <content>What a request changes of a link that is there (do_setlink).</content>
internal sealed partial class LinkVerbs
{
    /// <summary>do_setlink.</summary>
    private Verdict Change(NetworkDevice device, LinkRequest request, Requester requester, bool notify)
    {
        AttributeSet attributes = request.Attributes;
        DeviceControl control = kernel.DeviceControl;
        int length = device.HardwareAddress.Length;
        if (attributes.Bytes(IFLA_ADDRESS)?.Length < length || attributes.Bytes(IFLA_BROADCAST)?.Length < length)
        {
            return LinuxError.EINVAL;
        }

        Verdict verdict = MoveNamespace(device, attributes, out bool moved);
        if (verdict.Error != LinuxError.None || moved)
        {
            return verdict;
        }

        if (attributes.Bytes(IFLA_ADDRESS) is { } address)
        {
            LinuxError refused = control.SetAddress(device, address[..device.HardwareAddress.Length]);
            if (refused != LinuxError.None)
            {
                return refused;
            }
        }

        if (attributes.U32(IFLA_MTU) is { } mtu)
        {
            verdict = CheckMtu(device, mtu);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            if (device.Lower is { } below && mtu > below.Mtu && (device.Vlan is not null || device.KindState is MacvlanState))
            {
                return device.Vlan is not null ? LinuxError.ERANGE : LinuxError.EINVAL;
            }

            if (device.Bridge is { } ownBridge && mtu != device.Mtu)
            {
                ownBridge.HasFixedMtu = true;
            }

            control.SetMtu(device, mtu);
        }

        if (attributes.U32(IFLA_GROUP) is { } group)
        {
            device.Group = group;
            notify = true;
        }

        if (request.Index > 0 && attributes.Text(IFLA_IFNAME) is { Length: > 0 } name && name != device.Name)
        {
            if (!IsValidName(name))
            {
                return LinuxError.EINVAL;
            }

            if (name.Contains("%d", StringComparison.Ordinal))
            {
                name = kernel.Devices.NameFor(name);
            }

            if (kernel.Devices.Find(name) is not null)
            {
                return LinuxError.EEXIST;
            }

            control.Rename(device, name);
        }

        if (attributes.Bytes(IFLA_IFALIAS) is { } alias)
        {
            string text = Encoding.UTF8.GetString(alias).TrimEnd('\0');
            device.Alias = text.Length == 0 ? null : text;
            notify = true;
        }

        if (attributes.Bytes(IFLA_BROADCAST) is { } broadcast)
        {
            device.BroadcastAddress = broadcast;
            control.AddressChanged(device, device.HardwareAddress);
        }

        if (attributes.U32(IFLA_MASTER) is { } masterIndex && kernel.Profile.IsAtLeast(6, 3))
        {
            verdict = SetMaster(device, (int)masterIndex);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }
        }

        if (request.Flags != 0 || request.Change != 0)
        {
            DeviceFlags wanted = request.Change == 0
                ? request.Flags
                : request.Flags & request.Change | device.ShownFlags & ~request.Change;
            LinuxError error = control.ChangeFlags(device, wanted, requester);
            if (error != LinuxError.None)
            {
                return error;
            }
        }

        if (attributes.U32(IFLA_MASTER) is { } lateMaster && !kernel.Profile.IsAtLeast(6, 3))
        {
            verdict = SetMaster(device, (int)lateMaster);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }
        }

        if (attributes.U8(IFLA_CARRIER) is { } carrier)
        {
            if (device.Kind is not ("dummy" or "macvlan"))
            {
                return LinuxError.EOPNOTSUPP;
            }

            control.SetCarrier(device, carrier != 0);
        }

        if (attributes.U32(IFLA_TXQLEN) is { } queue && queue != device.TransmitQueueLength)
        {
            device.TransmitQueueLength = queue;
            control.NotifyLink(device);
            notify = true;
        }

        if (attributes.U32(IFLA_GSO_MAX_SIZE) is { } gsoSize)
        {
            if (gsoSize > device.TsoMaximumSize)
            {
                return LinuxError.EINVAL;
            }

            notify |= gsoSize != device.GsoMaximumSize;
            device.GsoMaximumSize = gsoSize;
        }

        if (attributes.U32(IFLA_GSO_MAX_SEGS) is { } segments)
        {
            if (segments > 65535)
            {
                return LinuxError.EINVAL;
            }

            notify |= segments != device.GsoMaximumSegments;
            device.GsoMaximumSegments = segments;
        }

        if (attributes.U32(IFLA_GRO_MAX_SIZE) is { } groSize)
        {
            notify |= groSize != device.GroMaximumSize;
            device.GroMaximumSize = groSize;
        }

        if (attributes.U8(IFLA_OPERSTATE) is { } state)
        {
            OperationalState next = (OperationalState)state;
            bool applies = next switch
            {
                OperationalState.Up => device.OperationalState is OperationalState.Dormant or OperationalState.Testing or OperationalState.Unknown,
                OperationalState.Testing or OperationalState.Dormant => device.OperationalState is OperationalState.Up or OperationalState.Unknown,
                _ => false,
            };
            if (applies)
            {
                device.OperationalState = next;
                control.StateChanged(device);
            }
        }

        if (attributes.U8(IFLA_LINKMODE) is { } mode)
        {
            notify |= device.LinkMode != mode;
            device.LinkMode = mode;
        }

        LinuxError functions = VirtualFunctions.Refusal(attributes);
        if (functions != LinuxError.None)
        {
            return functions;
        }

        if (attributes.Bytes(IFLA_AF_SPEC) is { } families)
        {
            verdict = SetFamilies(device, families);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            notify = true;
        }

        if (attributes.U8(IFLA_PROTO_DOWN) is { } down)
        {
            if (device.Kind is not ("macvlan" or "vxlan"))
            {
                return new Verdict(LinuxError.EOPNOTSUPP, "Protodown not supported by device");
            }

            device.IsProtocolDown = down != 0;
            notify = true;
        }

        if (notify)
        {
            control.StateChanged(device);
        }

        return Verdict.Success;
    }

    internal static Verdict CheckMtu(NetworkDevice device, uint mtu)
    {
        if (mtu > int.MaxValue || mtu < device.MinimumMtu)
        {
            return new Verdict(LinuxError.EINVAL, "mtu less than device minimum");
        }

        return device.MaximumMtu > 0 && mtu > device.MaximumMtu ? new Verdict(LinuxError.EINVAL, "mtu greater than device maximum") : Verdict.Success;
    }

    internal Verdict SetMaster(NetworkDevice device, int index)
    {
        if (device.Master is { } old)
        {
            if (old.Index == index)
            {
                return Verdict.Success;
            }

            if (device.Port is { } port)
            {
                kernel.Bridges.RemovePort(port);
            }
            else if (old.KindState is BondState bonded)
            {
                kernel.Bonds.Release(old, bonded, device);
            }
            else
            {
                kernel.DeviceControl.LeaveDomain(device);
            }
        }

        if (index == 0)
        {
            return Verdict.Success;
        }

        if (kernel.Devices.Find(index) is not { } master)
        {
            return LinuxError.EINVAL;
        }

        if (master.Bridge is { } bridge)
        {
            return kernel.Bridges.AddPort(bridge, device);
        }

        if (master.KindState is VrfState)
        {
            if (device.KindState is VrfState)
            {
                return new Verdict(LinuxError.EINVAL, "Can not enslave an L3 master device to a VRF");
            }

            kernel.DeviceControl.JoinDomain(device, master);
            return Verdict.Success;
        }

        return master.KindState is BondState bond ? kernel.Bonds.Enslave(master, bond, device) : LinuxError.EOPNOTSUPP;
    }

    /// <summary>The namespace that a request is about (rtnl_link_get_net), null where it names none.</summary>
    private Verdict FindTarget(AttributeSet attributes, out SimulatedKernel? target)
    {
        target = null;
        if (attributes.U32(IFLA_NET_NS_PID) is { } pid)
        {
            target = kernel.NamespaceResolver?.Invoke(false, (int)pid);
            return target is null ? LinuxError.ESRCH : Verdict.Success;
        }

        if (attributes.U32(IFLA_NET_NS_FD) is { } descriptor)
        {
            target = kernel.NamespaceResolver?.Invoke(true, (int)descriptor);
            return target is null ? LinuxError.EINVAL : Verdict.Success;
        }

        return Verdict.Success;
    }

    /// <summary>All namespaces that a request speaks of are there.</summary>
    private Verdict FindNamespaces(AttributeSet attributes)
    {
        bool Knows(int number) => number >= 0 && number < kernel.KnownNamespaces.Count;
        Verdict verdict = attributes.S32(IFLA_TARGET_NETNSID) is { } where && !Knows(where) ? LinuxError.EINVAL : FindTarget(attributes, out _);
        return verdict.Error == LinuxError.None && attributes.S32(IFLA_LINK_NETNSID) is { } lower && !Knows(lower)
            ? new Verdict(LinuxError.EINVAL, "Unknown network namespace id")
            : verdict;
    }

    private Verdict MoveNamespace(NetworkDevice device, AttributeSet attributes, out bool moved)
    {
        moved = false;
        Verdict verdict = FindTarget(attributes, out SimulatedKernel? target);
        if (verdict.Error != LinuxError.None || target is null)
        {
            return verdict;
        }

        if (target == kernel)
        {
            return Verdict.Success;
        }

        if (device.IsBoundToNamespace)
        {
            return new Verdict(LinuxError.EINVAL, "The interface netns is immutable");
        }

        kernel.DeviceControl.MoveTo(device, target, attributes.Text(IFLA_IFNAME));
        moved = true;
        return Verdict.Success;
    }

    /// <summary>The host part that addresses from router advertisements get (inet6_set_iftoken).</summary>
    private Verdict SetToken(NetworkDevice device, Inet6State state, byte[] token)
    {
        bool clears = token.AsSpan().IndexOfAnyExcept((byte)0) < 0;
        if (device.IsLoopback)
        {
            return new Verdict(LinuxError.EINVAL, "Device is loopback");
        }

        if ((device.Flags & DeviceFlags.NoArp) != 0)
        {
            return new Verdict(LinuxError.EINVAL, "Device does not do neighbour discovery");
        }

        if (!clears && kernel.Parameters.Number($"net/ipv6/conf/{device.Name}/accept_ra") == 0)
        {
            return new Verdict(LinuxError.EINVAL, "Router advertisement is disabled on device");
        }

        token.AsSpan(8).CopyTo(state.Token.AsSpan(8));
        return Verdict.Success;
    }

    private Verdict SetFamilies(NetworkDevice device, byte[] families)
    {
        var walk = new AttributeReader(families);
        while (walk.TryRead(out NetlinkAttribute family))
        {
            switch (family.Type)
            {
                case AF_INET:
                    break;
                case AF_INET6:
                    if (device.Inet6 is not { } state)
                    {
                        return LinuxError.EAFNOSUPPORT;
                    }

                    if (family.Nested().TryFind(7, out NetlinkAttribute token) && token.Value.Length == 16)
                    {
                        Verdict set = SetToken(device, state, token.Value.ToArray());
                        if (set.Error != LinuxError.None)
                        {
                            return set;
                        }
                    }

                    if (family.Nested().TryFind(8, out NetlinkAttribute mode))
                    {
                        if (mode.Byte > 3)
                        {
                            return LinuxError.EINVAL;
                        }

                        state.AddressGenerationMode = mode.Byte;
                        kernel.Parameters.Set($"net/ipv6/conf/{device.Name}/addr_gen_mode", mode.Byte.ToString(System.Globalization.CultureInfo.InvariantCulture));
                    }

                    break;
                default:
                    return LinuxError.EAFNOSUPPORT;
            }
        }

        return Verdict.Success;
    }
}
