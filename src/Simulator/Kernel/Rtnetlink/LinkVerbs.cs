using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK and alternative names (net/core/rtnetlink.c).</summary>
internal sealed partial class LinkVerbs(SimulatedKernel kernel)
{
    private static readonly System.Buffers.SearchValues<char> NotInNames = System.Buffers.SearchValues.Create("/: \t\n\v\f\r");
    private readonly LinkCreation _creation = new(kernel);

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_UNSPEC, RTM_NEWLINK, NewLink);
        subsystem.Handle(AF_UNSPEC, RTM_SETLINK, SetLink);
        subsystem.Handle(AF_UNSPEC, RTM_DELLINK, DeleteLink);
        subsystem.Handle(AF_UNSPEC, RTM_NEWLINKPROP, (socket, message) => ChangeProperties(message, add: true));
        subsystem.Handle(AF_UNSPEC, RTM_DELLINKPROP, (socket, message) => ChangeProperties(message, add: false));
    }

    /// <summary>A name the kernel takes for a device (dev_valid_name).</summary>
    public static bool IsValidName(string name) =>
        name.Length is > 0 and < 16 && name is not "." and not ".." && !name.AsSpan().ContainsAny(NotInNames);

    /// <summary>Parses the header and attributes of a link request.</summary>
    private bool TryParse(NetlinkMessage message, out LinkRequest request, out Verdict verdict) => TryParse(kernel, message, out request, out verdict);

    /// <inheritdoc cref="TryParse(NetlinkMessage, out LinkRequest, out Verdict)"/>
    internal static bool TryParse(SimulatedKernel kernel, NetlinkMessage message, out LinkRequest request, out Verdict verdict)
    {
        request = default;
        if (message.Payload.Length < 16)
        {
            verdict = LinuxError.EINVAL;
            return false;
        }

        if (!AttributeSet.TryParse(message.Payload[16..], 32, LinkPolicy.LinkOf(kernel.Profile), AttributeStrictness.Liberal, out AttributeSet attributes, out verdict))
        {
            return false;
        }

        request = new LinkRequest(
            BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..]),
            (DeviceFlags)BinaryPrimitives.ReadUInt32LittleEndian(message.Payload[8..]),
            (DeviceFlags)BinaryPrimitives.ReadUInt32LittleEndian(message.Payload[12..]),
            attributes);
        return true;
    }

    private Verdict NewLink(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        var requester = new Requester(socket, message.Header);
        NetlinkMessageFlags flags = message.Header.Flags;
        if (!TryParse(message, out LinkRequest request, out Verdict verdict))
        {
            return verdict;
        }

        AttributeSet attributes = request.Attributes;
        AttributeSet? info = attributes.Nest(IFLA_LINKINFO, LinkPolicy.Info, out verdict);
        if (verdict.Error != LinuxError.None)
        {
            // What the policy refuses has no words here.
            return verdict.Error;
        }

        string kindName = info?.Text(IFLA_INFO_KIND) ?? "";
        LinkKind? kind = kindName.Length > 0 ? LinkKinds.Find(kernel, kindName) : null;
        AttributeSet? data = null;
        if (kind is not null && info is not null)
        {
            data = info.Nest(IFLA_INFO_DATA, LinkCreation.DataPolicy(kindName), out verdict);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            verdict = LinkCreation.Validate(kernel.Profile, kindName, attributes, data);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }
        }

        if (request.Index < 0)
        {
            return kernel.Profile.IsAtLeast(6, 2) ? new Verdict(LinuxError.EINVAL, "ifindex can't be negative") : LinuxError.EINVAL;
        }

        // Since 6.13 the peer and the namespaces that a request speaks of are looked at before the device.
        if (kernel.Profile.IsAtLeast(6, 13))
        {
            if (kindName == "veth" && data?.Bytes(VETH_INFO_PEER) is { Length: >= 16 } peer)
            {
                if (AttributeSet.TryParse(peer.AsSpan(16), data.Offset(VETH_INFO_PEER) + 20, LinkPolicy.LinkOf(kernel.Profile), AttributeStrictness.Liberal, out AttributeSet peerAttributes, out verdict))
                {
                    verdict = LinkCreation.Validate(kernel.Profile, kindName, peerAttributes, null);
                    verdict = verdict.Error == LinuxError.None ? FindTarget(peerAttributes, out _) : verdict;
                }

                if (verdict.Error != LinuxError.None)
                {
                    return verdict;
                }
            }

            verdict = FindNamespaces(attributes);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }
        }

        NetworkDevice? device = Find(request);
        AttributeSet? slaveData = null;
        if (device?.Port is not null && info is not null && info.Has(IFLA_INFO_SLAVE_DATA))
        {
            slaveData = info.Nest(IFLA_INFO_SLAVE_DATA, BridgePortAttributes.Policy, out verdict);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }
        }

        if (device is not null)
        {
            if ((flags & NetlinkMessageFlags.Exclusive) != 0)
            {
                return LinuxError.EEXIST;
            }

            if ((flags & NetlinkMessageFlags.Replace) != 0)
            {
                return LinuxError.EOPNOTSUPP;
            }

            bool notify = false;
            if (info is not null && info.Has(IFLA_INFO_DATA))
            {
                if (kind is null || kindName != device.Kind)
                {
                    return LinuxError.EOPNOTSUPP;
                }

                verdict = _creation.Change(device, attributes, data!);
                if (verdict.Error != LinuxError.None)
                {
                    return verdict;
                }

                notify = true;
            }

            if (info is not null && info.Has(IFLA_INFO_SLAVE_DATA))
            {
                if (device.Port is not { } port || slaveData is null)
                {
                    return LinuxError.EOPNOTSUPP;
                }

                verdict = BridgeChanges.ChangePort(kernel, port, slaveData);
                if (verdict.Error != LinuxError.None)
                {
                    return verdict;
                }

                notify = true;
            }

            return Change(device, request, requester, notify);
        }

        if ((flags & NetlinkMessageFlags.Create) == 0)
        {
            if (request.Index == 0 && !attributes.Has(IFLA_IFNAME) && !attributes.Has(IFLA_ALT_IFNAME) && attributes.U32(IFLA_GROUP) is { } group)
            {
                foreach (NetworkDevice member in kernel.Devices.All.Where(member => member.Group == group).ToArray())
                {
                    verdict = Change(member, request, requester, false);
                    if (verdict.Error != LinuxError.None)
                    {
                        return verdict;
                    }
                }

                return Verdict.Success;
            }

            return LinuxError.ENODEV;
        }

        if (attributes.Has(IFLA_MAP) || attributes.Has(IFLA_PROTINFO))
        {
            return LinuxError.EOPNOTSUPP;
        }

        return kind is null ? new Verdict(LinuxError.EOPNOTSUPP, "Unknown device type") : _creation.Create(kind, request, data, requester);
    }

    private Verdict SetLink(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, out LinkRequest request, out Verdict verdict))
        {
            return verdict;
        }

        if (request.Index <= 0 && !request.Attributes.Has(IFLA_IFNAME) && !request.Attributes.Has(IFLA_ALT_IFNAME))
        {
            return LinuxError.EINVAL;
        }

        return Find(request) is { } device ? Change(device, request, new Requester(socket, message.Header), false) : LinuxError.ENODEV;
    }

    private Verdict ChangeProperties(NetlinkMessage message, bool add)
    {
        // A younger verb, which takes nothing that is out of order.
        if (!TryParse(message, out LinkRequest request, out Verdict verdict)
            || !AttributeSet.TryParse(message.Payload[16..], 32, LinkPolicy.LinkOf(kernel.Profile), AttributeStrictness.Strict, out _, out verdict))
        {
            return verdict;
        }

        if (request.Index <= 0 && !request.Attributes.Has(IFLA_IFNAME) && !request.Attributes.Has(IFLA_ALT_IFNAME))
        {
            return LinuxError.EINVAL;
        }

        if (Find(request) is not { } device)
        {
            return LinuxError.ENODEV;
        }

        if (request.Attributes.Bytes(IFLA_PROP_LIST) is not { } properties)
        {
            return Verdict.Success;
        }

        bool changed = false;
        foreach (string name in Names(properties))
        {
            if (add)
            {
                if (name.Length is 0 or > 127)
                {
                    return LinuxError.EINVAL;
                }

                if (kernel.Devices.Find(name) is not null)
                {
                    return LinuxError.EEXIST;
                }

                kernel.Devices.AddAlternativeName(device, name);
            }
            else
            {
                if (kernel.Devices.Find(name) is not { } owner)
                {
                    return LinuxError.ENOENT;
                }

                if (owner != device || device.Name == name)
                {
                    return LinuxError.EINVAL;
                }

                kernel.Devices.RemoveAlternativeName(device, name);
            }

            changed = true;
        }

        if (changed)
        {
            kernel.DeviceControl.StateChanged(device);
        }

        return Verdict.Success;

        static List<string> Names(byte[] properties)
        {
            var names = new List<string>();
            var walk = new AttributeReader(properties);
            while (walk.TryRead(out NetlinkAttribute attribute))
            {
                if (attribute.Type == IFLA_ALT_IFNAME)
                {
                    names.Add(attribute.String);
                }
            }

            return names;
        }
    }

    private NetworkDevice? Find(LinkRequest request)
    {
        if (request.Index > 0)
        {
            return kernel.Devices.Find(request.Index);
        }

        return (request.Attributes.Text(IFLA_IFNAME) ?? request.Attributes.Text(IFLA_ALT_IFNAME)) is { } name ? kernel.Devices.Find(name) : null;
    }
}

/// <summary>A link request: the header's index, flags and mask, and the attributes.</summary>
internal readonly record struct LinkRequest(int Index, DeviceFlags Flags, DeviceFlags Change, AttributeSet Attributes);
