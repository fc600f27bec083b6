using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>What changes a VXLAN device's forwarding database: requests (vxlan_fdb_add, vxlan_fdb_delete), stations that are heard (vxlan_snoop), the device going down.</summary>
internal sealed class VxlanForwarding(SimulatedKernel kernel, NetworkDevice device, VxlanState vxlan)
{
    private const NeighbourState FromUser = NeighbourState.Permanent | NeighbourState.Reachable;

    public Verdict Add(MacAddress mac, AttributeSet attributes, ushort state, byte flags, NetlinkMessageFlags request)
    {
        if ((state & (ushort)FromUser) == 0 || !attributes.Has(NDA_DST))
        {
            return LinuxError.EINVAL;
        }

        Verdict parsed = Parse(attributes, out VxlanRemote remote);
        if (parsed.Error != LinuxError.None)
        {
            return parsed;
        }

        if (remote.Address.Family != vxlan.Family)
        {
            return LinuxError.EAFNOSUPPORT;
        }

        bool isForMany = mac.IsMulticast || mac == default;
        if (vxlan.Database.Find(mac) is { } known)
        {
            return (request & NetlinkMessageFlags.Exclusive) != 0 ? new Verdict(LinuxError.EEXIST, "Entry exists") : Update(known, remote, (NeighbourState)state, flags, request, isForMany);
        }

        if ((request & NetlinkMessageFlags.Create) == 0)
        {
            return LinuxError.ENOENT;
        }

        if ((request & NetlinkMessageFlags.Replace) != 0 && isForMany)
        {
            return new Verdict(LinuxError.EOPNOTSUPP, "Cannot replace non-unicast fdb entries");
        }

        Create(mac, remote, (NeighbourState)state, flags).IsAddedByUser = true;
        return Verdict.Success;
    }

    public Verdict Delete(MacAddress mac, AttributeSet attributes)
    {
        Verdict parsed = Parse(attributes, out VxlanRemote remote);
        if (parsed.Error != LinuxError.None)
        {
            return parsed;
        }

        if (vxlan.Database.Find(mac) is not { } entry)
        {
            return LinuxError.ENOENT;
        }

        if (!remote.Address.IsAny)
        {
            if (!entry.Remotes.Contains(remote))
            {
                return LinuxError.ENOENT;
            }

            if (entry.Remotes.Count > 1)
            {
                entry.Remotes.Remove(remote);
                Notify(entry, remote, RTM_DELNEIGH);
                return Verdict.Success;
            }
        }

        Remove(entry);
        return Verdict.Success;
    }

    /// <summary>A station was heard behind a far end. False: its frame is dropped.</summary>
    public bool Learn(MacAddress station, InternetAddress from, int input)
    {
        if (!station.IsUnicast)
        {
            return false;
        }

        int linkLocal = from.IsLinkLocal ? input : 0;
        if (vxlan.Database.Find(station) is not { } entry)
        {
            if (device.IsUp)
            {
                Create(station, new VxlanRemote(from, vxlan.Port, vxlan.Vni, linkLocal), NeighbourState.Reachable, NTF_SELF);
            }

            return true;
        }

        VxlanRemote first = entry.Remotes[0];
        if (first.Address == from && first.Interface == linkLocal)
        {
            entry.Updated = Now;
            return true;
        }

        if ((entry.State & (NeighbourState.Permanent | NeighbourState.NoArp)) != 0)
        {
            return false;
        }

        entry.Remotes[0] = first with { Address = from };
        entry.Updated = Now;
        Notify(entry, entry.Remotes[0], RTM_NEWNEIGH);
        return true;
    }

    /// <summary>The device goes down and forgets what it learned, or goes and forgets everything.</summary>
    public void Flush(bool all)
    {
        foreach (VxlanEntry entry in vxlan.Database.Entries.Where(entry => all || (entry != vxlan.Default && (entry.State & (NeighbourState.Permanent | NeighbourState.NoArp)) == 0)).ToArray())
        {
            Remove(entry);
        }
    }

    public void Remove(VxlanEntry entry)
    {
        vxlan.Database.Remove(entry);
        foreach (VxlanRemote remote in entry.Remotes)
        {
            Notify(entry, remote, RTM_DELNEIGH);
        }
    }

    private long Now => kernel.Clock.GetTimestamp();

    private Verdict Update(VxlanEntry entry, VxlanRemote remote, NeighbourState state, byte flags, NetlinkMessageFlags request, bool isForMany)
    {
        bool isChanged = false;
        if ((flags & NTF_EXT_LEARNED) == 0 || !entry.IsAddedByUser)
        {
            isChanged = entry.State != state || entry.Flags != flags || !entry.IsAddedByUser;
            (entry.State, entry.Flags, entry.IsAddedByUser) = (state, flags, true);
            entry.Updated = isChanged ? Now : entry.Updated;
        }

        if ((request & NetlinkMessageFlags.Replace) != 0)
        {
            if (isForMany)
            {
                return new Verdict(LinuxError.EOPNOTSUPP, "Cannot replace non-unicast fdb entries");
            }

            if (!entry.Remotes.Contains(remote))
            {
                entry.Remotes[0] = remote;
                isChanged = true;
            }
        }

        if ((request & NetlinkMessageFlags.Append) != 0 && isForMany && !entry.Remotes.Contains(remote))
        {
            entry.Remotes.Add(remote);
            isChanged = true;
        }

        if (isChanged)
        {
            Notify(entry, entry.Remotes.Contains(remote) ? remote : entry.Remotes[0], RTM_NEWNEIGH);
        }

        return Verdict.Success;
    }

    private VxlanEntry Create(MacAddress mac, VxlanRemote remote, NeighbourState state, byte flags)
    {
        var entry = new VxlanEntry(mac) { State = state, Flags = flags, Updated = Now, Used = Now };
        entry.Remotes.Add(remote);
        vxlan.Database.Add(entry);
        Notify(entry, remote, RTM_NEWNEIGH);
        return entry;
    }

    private Verdict Parse(AttributeSet attributes, out VxlanRemote remote)
    {
        remote = new VxlanRemote(InternetAddress.Any(vxlan.Family), vxlan.Port, attributes.U32(NDA_VNI) ?? vxlan.Vni, (int)(attributes.U32(NDA_IFINDEX) ?? 0));
        if (attributes.Bytes(NDA_DST) is { } address)
        {
            if (address.Length is not (4 or 16))
            {
                return LinuxError.EAFNOSUPPORT;
            }

            remote = remote with { Address = InternetAddress.Read(address.Length == 4 ? InternetAddress.V4 : InternetAddress.V6, address) };
        }

        if (attributes.Bytes(NDA_PORT) is { } port)
        {
            if (port.Length != 2)
            {
                return LinuxError.EINVAL;
            }

            remote = remote with { Port = BinaryPrimitives.ReadUInt16BigEndian(port) };
        }

        return remote.Interface != 0 && kernel.Devices.Find(remote.Interface) is null ? LinuxError.EADDRNOTAVAIL : Verdict.Success;
    }

    private void Notify(VxlanEntry entry, VxlanRemote remote, ushort type) => kernel.RouteEvents.Publish(RTNLGRP_NEIGH, vxlan.Message(device, entry, remote, type));
}
