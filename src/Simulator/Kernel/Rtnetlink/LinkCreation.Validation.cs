using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <content>What is demanded of a request before anything is made.</content>
internal sealed partial class LinkCreation
{
    public static PolicyTable DataPolicy(string kind) => kind switch
    {
        "bridge" => BridgeAttributes.Policy,
        "vlan" => LinkPolicy.Vlan,
        "veth" => LinkPolicy.Veth,
        "macvlan" or "macvtap" => LinkPolicy.Macvlan,
        "vrf" => LinkPolicy.Vrf,
        "vxlan" => VxlanState.Policy,
        _ => LinkPolicy.None,
    };

    /// <summary>The kind's validate callback: looks at the request alone.</summary>
    private static readonly PolicyTable QosMap = new(1, (IFLA_VLAN_QOS_MAPPING, AttributePolicy.Any(8)));

    public static Verdict Validate(KernelProfile profile, string kind, AttributeSet attributes, AttributeSet? data)
    {
        if (attributes.Bytes(IFLA_ADDRESS) is { } address && kind is "bridge" or "vlan" or "veth" or "macvlan" or "dummy" or "ifb" or "vxlan" or "bond" or "vrf")
        {
            (LinuxError Error, string? Text) wrongLength = kind == "vlan" ? (LinuxError.EINVAL, "8021q: Invalid link address") : (LinuxError.EINVAL, null);
            (LinuxError Error, string? Text) notUnicast = kind == "vlan" ? (LinuxError.EADDRNOTAVAIL, "8021q: Invalid link address") : (LinuxError.EADDRNOTAVAIL, null);
            if (attributes.Bytes(IFLA_ADDRESS)!.Length != 6)
            {
                return new Verdict(wrongLength.Error, wrongLength.Text);
            }

            byte[] mac = attributes.Bytes(IFLA_ADDRESS)!;
            if ((mac[0] & 1) != 0 || mac.AsSpan().IndexOfAnyExcept((byte)0) < 0)
            {
                return new Verdict(notUnicast.Error, notUnicast.Text);
            }
        }

        switch (kind)
        {
            case "vlan":
                if (data is null)
                {
                    return new Verdict(LinuxError.EINVAL, "8021q: VLAN properties not specified");
                }

                if (data.U16(IFLA_VLAN_PROTOCOL) is { } protocol && BinaryPrimitives.ReverseEndianness(protocol) is not (0x8100 or 0x88a8))
                {
                    return new Verdict(LinuxError.EPROTONOSUPPORT, "8021q: Invalid VLAN protocol");
                }

                if (data.U16(IFLA_VLAN_ID) is >= 4095)
                {
                    return new Verdict(LinuxError.ERANGE, "8021q: Invalid VLAN id");
                }

                if (data.Bytes(IFLA_VLAN_FLAGS) is { Length: >= 8 } flags
                    && (BinaryPrimitives.ReadUInt32LittleEndian(flags) & BinaryPrimitives.ReadUInt32LittleEndian(flags.AsSpan(4)) & ~0x1fu) != 0)
                {
                    return new Verdict(LinuxError.EINVAL, "8021q: Invalid VLAN flags");
                }

                return !IsMap(IFLA_VLAN_INGRESS_QOS) ? new Verdict(LinuxError.ERANGE, "8021q: Invalid ingress QOS map")
                    : !IsMap(IFLA_VLAN_EGRESS_QOS) ? new Verdict(LinuxError.ERANGE, "8021q: Invalid egress QOS map")
                    : Verdict.Success;
            case "macvlan" or "macvtap":
                return data is null ? Verdict.Success : ValidateMacvlan(data);
            case "veth" when attributes.U32(IFLA_MTU) is < 68 or > 65535:
                return LinuxError.EINVAL;
            case "vrf" when data is null:
                return Verdict.Success;
            case "bridge" when !profile.HasVlanFiltering:
                return Verdict.Success;
            case "bridge" when data?.U16(8) is { } vlanProtocol && BinaryPrimitives.ReverseEndianness(vlanProtocol) is not (0x8100 or 0x88a8):
                return LinuxError.EPROTONOSUPPORT;
            case "bridge" when data?.U16(39) is >= 4095:
                return LinuxError.EINVAL;
            default:
                return Verdict.Success;
        }

        bool IsMap(ushort type) => data.Bytes(type) is not { } map || AttributeSet.TryParse(map, 0, QosMap, AttributeStrictness.Liberal, out _, out _);
    }

    /// <summary>macvlan_validate.</summary>
    private static Verdict ValidateMacvlan(AttributeSet data)
    {
        const ushort Known = MacvlanState.HearsNotAll | MacvlanState.NoDestination;
        if ((data.U16(2) & ~Known) > 0
            || data.U32(1) is { } mode and not (MacvlanState.Private or MacvlanState.Vepa or MacvlanState.Bridge or MacvlanState.Passthrough or MacvlanState.Source) || data.U32(3) is > 3)
        {
            return LinuxError.EINVAL;
        }

        List<byte[]> sources = data.Bytes(4) is { } source ? [source] : [];
        var walk = new AttributeReader(data.Bytes(5) ?? []);
        while (walk.TryRead(out NetlinkAttribute listed))
        {
            sources.Add(listed.Type == 4 ? listed.Value.ToArray() : []);
        }

        foreach (byte[] mac in sources)
        {
            if (mac.Length != 6)
            {
                return LinuxError.EINVAL;
            }

            if ((mac[0] & 1) != 0 || mac.AsSpan().IndexOfAnyExcept((byte)0) < 0)
            {
                return LinuxError.EADDRNOTAVAIL;
            }
        }

        return data.Has(6) ? LinuxError.EINVAL : Verdict.Success;
    }
}
