using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>What a request wants of virtual functions and their ports, which no device has: how it is refused (do_setlink, do_setvfinfo). An empty list wants nothing.</summary>
internal static class VirtualFunctions
{
    private const ushort IFLA_VF_INFO = 1;
    private const ushort IFLA_VF_VLAN_LIST = 12;

    /// <summary>MAC, VLAN, list of VLANs, rates, spoof check, link state, RSS, trust, GUIDs: in the order in which they are looked at.</summary>
    private static readonly ushort[] Wishes = [1, 2, IFLA_VF_VLAN_LIST, 3, 6, 4, 5, 7, 9, 10, 11];

    private static readonly PolicyTable FunctionPolicy = new(
        13,
        (1, new(AttributeKind.Any, 36)), (2, new(AttributeKind.Any, 12)), (3, new(AttributeKind.Any, 8)), (4, new(AttributeKind.Any, 8)), (5, new(AttributeKind.Any, 8)), (6, new(AttributeKind.Any, 12)),
        (7, new(AttributeKind.Any, 8)), (8, new(AttributeKind.Nested)), (9, new(AttributeKind.Any, 8)), (10, new(AttributeKind.Any, 16)), (11, new(AttributeKind.Any, 16)), (12, new(AttributeKind.Nested)), (13, new(AttributeKind.Rejected)));

    private static readonly PolicyTable PortPolicy = new(
        7,
        (1, new(AttributeKind.U32)), (2, new(AttributeKind.String, 40)), (4, new(AttributeKind.Binary, 16)), (5, new(AttributeKind.String, 16)), (6, new(AttributeKind.U8)), (7, new(AttributeKind.U16)));

    public static LinuxError Refusal(AttributeSet attributes)
    {
        var walk = new AttributeReader(attributes.Bytes(IFLA_VFINFO_LIST) ?? []);
        while (walk.TryRead(out NetlinkAttribute function))
        {
            // The first ends it: none can be done.
            return function.Type != IFLA_VF_INFO || function.Value.Length < 4 ? LinuxError.EINVAL
                : AttributeSet.TryParse(function.Value, 0, FunctionPolicy, AttributeStrictness.Liberal, out AttributeSet wanted, out var refused) ? RefusalOf(wanted)
                : refused.Error;
        }

        if (attributes.Has(IFLA_VF_PORTS))
        {
            return LinuxError.EOPNOTSUPP;
        }

        return attributes.Bytes(IFLA_PORT_SELF) is not { } port ? LinuxError.None
            : AttributeSet.TryParse(port, 0, PortPolicy, AttributeStrictness.Liberal, out _, out var wrong) ? LinuxError.EOPNOTSUPP
            : wrong.Error;
    }

    private static LinuxError RefusalOf(AttributeSet wanted)
    {
        foreach (ushort wish in Wishes)
        {
            if (wanted.Bytes(wish) is { } value)
            {
                return wish != IFLA_VF_VLAN_LIST && BinaryPrimitives.ReadUInt32LittleEndian(value) >= int.MaxValue ? LinuxError.EINVAL : LinuxError.EOPNOTSUPP;
            }
        }

        return LinuxError.EINVAL;
    }
}
