namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>The multicast addresses that the protocols of a device listen to; in the order in which they joined (dev->mc).</summary>
internal static class ReceiveFilter
{
    /// <summary>Every IPv4 host (224.0.0.1).</summary>
    public static readonly byte[] AllHosts = [0x01, 0, 0x5e, 0, 0, 1];

    /// <summary>Every IPv6 node (ff02::1).</summary>
    public static readonly byte[] AllNodes = [0x33, 0x33, 0, 0, 0, 1];

    /// <summary>Those who register VLANs (GVRP, MVRP).</summary>
    public static readonly byte[] VlanRegistration = [0x01, 0x80, 0xc2, 0, 0, 0x21];

    /// <summary>The group by which neighbours ask for an IPv6 address (RFC 4291, 2.7.1; RFC 2464, 7).</summary>
    public static byte[] SolicitedNode(InternetAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.Write(bytes);
        return [0x33, 0x33, 0xff, bytes[13], bytes[14], bytes[15]];
    }

    /// <summary>A protocol begins to listen. Of two that listen to the same, each leaves for itself.</summary>
    public static void Join(NetworkDevice device, byte[] group)
    {
        if (device.HardwareType == 1)
        {
            device.JoinedGroups.Add(group);
        }
    }

    /// <summary>A protocol has enough.</summary>
    public static void Leave(NetworkDevice device, byte[] group)
    {
        int at = device.JoinedGroups.FindLastIndex(joined => joined.AsSpan().SequenceEqual(group));
        if (at >= 0)
        {
            device.JoinedGroups.RemoveAt(at);
        }
    }

    /// <summary>Each address once, those added by hand last.</summary>
    public static IEnumerable<byte[]> Multicast(NetworkDevice device)
    {
        var seen = new HashSet<ulong>();
        foreach (byte[] group in device.JoinedGroups.Concat(device.MulticastAddresses))
        {
            if (seen.Add(BitConverter.ToUInt32(group) | (ulong)BitConverter.ToUInt16(group, 4) << 32))
            {
                yield return group;
            }
        }
    }
}
