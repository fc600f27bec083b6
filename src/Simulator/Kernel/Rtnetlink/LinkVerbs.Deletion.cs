using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <content>RTM_DELLINK: one link, or all of a group, with what stands on them.</content>
internal sealed partial class LinkVerbs
{
    private Verdict DeleteLink(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, out LinkRequest request, out Verdict verdict))
        {
            return verdict;
        }

        var requester = new Requester(socket, message.Header);
        AttributeSet attributes = request.Attributes;
        if (request.Index <= 0 && !attributes.Has(IFLA_IFNAME) && !attributes.Has(IFLA_ALT_IFNAME))
        {
            return attributes.U32(IFLA_GROUP) is { } group ? DeleteGroup(group, requester) : LinuxError.EINVAL;
        }

        if (Find(request) is not { } device)
        {
            return LinuxError.ENODEV;
        }

        if (device.Kind.Length == 0 || device.KindState is TunnelState { IsFallback: true })
        {
            return LinuxError.EOPNOTSUPP;
        }

        List<NetworkDevice> doomed = [];
        Doom(device, doomed);
        kernel.DeviceControl.Unregister(doomed, requester);
        return Verdict.Success;
    }

    private Verdict DeleteGroup(uint group, Requester requester)
    {
        if (group == 0)
        {
            return LinuxError.EPERM;
        }

        NetworkDevice[] members = [.. kernel.Devices.All.Where(member => member.Group == group)];
        if (members.Length == 0)
        {
            return LinuxError.ENODEV;
        }

        if (Array.Exists(members, static member => member.Kind.Length == 0))
        {
            return LinuxError.EOPNOTSUPP;
        }

        List<NetworkDevice> doomed = [];
        foreach (NetworkDevice member in members)
        {
            Doom(member, doomed);
        }

        kernel.DeviceControl.Unregister(doomed, requester);
        return Verdict.Success;
    }

    /// <summary>What a kind does before its device is unregistered (dellink).</summary>
    private void Doom(NetworkDevice device, List<NetworkDevice> doomed)
    {
        if (doomed.Contains(device))
        {
            return;
        }

        doomed.Add(device);
        if (device.Bridge is { } bridge)
        {
            kernel.Bridges.BridgeGoes(bridge);
        }

        if (device.Peer is { } peer)
        {
            device.Peer = null;
            peer.Peer = null;
            if (peer.Kernel == kernel)
            {
                if (!doomed.Contains(peer))
                {
                    doomed.Add(peer);
                }
            }
            else
            {
                peer.Kernel.DeviceControl.Unregister([peer]);
            }
        }
        else if (device.Lower is not null)
        {
            DeviceControl.UnlinkLower(device);
        }
    }
}
