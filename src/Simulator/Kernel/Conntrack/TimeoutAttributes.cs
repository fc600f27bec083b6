using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Nftables;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>A policy of timeouts in the byte form of nfnetlink_cttimeout: seconds, by the states of a protocol.</summary>
internal static class TimeoutAttributes
{
    /// <summary>A state of SCTP that the kernel no longer has and still tells of.</summary>
    private const ushort HeartbeatAcknowledged = 9;

    /// <summary>Reads what is said; what is not is as the machine's parameters have it now.</summary>
    public static LinuxError Read(KernelAttribute attribute, byte protocol, SimulatedKernel kernel, out TimeoutPolicy? policy)
    {
        policy = null;
        IReadOnlyList<string> names = ConnectionTimeouts.NamesOf(protocol);
        if (names.Count == 0 || protocol == IpProtocol.Dccp && kernel.Profile.IsAtLeast(6, 17))
        {
            return LinuxError.EOPNOTSUPP;
        }

        LinuxError error = attribute.Parse(new AttributePolicy(names.Count, [.. Enumerable.Range(1, names.Count).Select(static type => (type, AttributePolicy.U32))]), out ParsedAttributes table);
        if (error != LinuxError.None)
        {
            return error;
        }

        var timeouts = new Dictionary<string, TimeSpan>();
        for (int i = 0; i < names.Count; i++)
        {
            timeouts.Add(names[i], table.Has(i + 1) ? TimeSpan.FromSeconds(table[i + 1].UInt32BigEndian) : kernel.Stack.Conntrack.Timeouts[names[i]]);
        }

        policy = new TimeoutPolicy(protocol, timeouts);
        return LinuxError.None;
    }

    /// <summary>All the times of a policy.</summary>
    public static void Write(ref NetlinkWriter writer, ushort type, TimeoutPolicy policy)
    {
        WireMark mark = writer.BeginNested(type);
        IReadOnlyList<string> names = ConnectionTimeouts.NamesOf(policy.Protocol);
        for (int i = 0; i < names.Count; i++)
        {
            writer.WriteUInt32BigEndian((ushort)(i + 1), (uint)policy[names[i]].TotalSeconds);
        }

        if (policy.Protocol == IpProtocol.Sctp)
        {
            writer.WriteUInt32BigEndian(HeartbeatAcknowledged, 0);
        }

        writer.EndAttribute(mark);
    }
}
