using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Where a base chain is to hang: what NFTA_CHAIN_HOOK and NFTA_CHAIN_TYPE say (struct nft_chain_hook).</summary>
internal sealed record ChainHook(ChainType Type, byte Number, int Priority, List<string> Devices)
{
    /// <summary>NFT_NETDEVICE_MAX.</summary>
    private const int MaximumDevices = 256;

    /// <summary>Ends a name that stands for all devices whose names begin so; no device's own name holds it.</summary>
    public const char PrefixMark = '/';

    private static readonly AttributePolicy Policy = new(
        NFTA_HOOK_DEVS,
        (NFTA_HOOK_HOOKNUM, AttributePolicy.U32),
        (NFTA_HOOK_PRIORITY, AttributePolicy.U32),
        (NFTA_HOOK_DEV, AttributePolicy.Text(15)),
        (NFTA_HOOK_DEVS, AttributePolicy.Nested));

    /// <summary>Hooks of this kind hang on devices.</summary>
    public static bool IsNetdev(byte family, uint hook) => family == NFPROTO_NETDEV || family == NFPROTO_INET && hook == NF_INET_INGRESS;

    public static string NameOf(ChainType type) => type switch
    {
        ChainType.Nat => "nat",
        ChainType.Route => "route",
        _ => "filter",
    };

    /// <summary>Reads the hook of a new chain, or of a change to <paramref name="existing"/>.</summary>
    public static LinuxError Parse(NftContext context, BaseChain? existing, uint flags, out ChainHook hook)
    {
        hook = null!;
        ParsedAttributes attributes = context.Attributes;
        LinuxError error = attributes[NFTA_CHAIN_HOOK].Parse(Policy, out ParsedAttributes table);
        if (error != LinuxError.None)
        {
            return error;
        }

        ChainType type = existing?.Type ?? ChainType.Filter;
        uint number = existing?.Hook ?? 0;
        int priority = existing?.Priority ?? 0;
        if (existing is null)
        {
            if (!table.Has(NFTA_HOOK_HOOKNUM) || !table.Has(NFTA_HOOK_PRIORITY))
            {
                return context.Blame(attributes[NFTA_CHAIN_NAME], LinuxError.ENOENT);
            }

            number = table[NFTA_HOOK_HOOKNUM].UInt32BigEndian;
            priority = table[NFTA_HOOK_PRIORITY].Int32BigEndian;
        }
        else if (table.Has(NFTA_HOOK_HOOKNUM) && table[NFTA_HOOK_HOOKNUM].UInt32BigEndian != number
            || table.Has(NFTA_HOOK_PRIORITY) && table[NFTA_HOOK_PRIORITY].Int32BigEndian != priority)
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (attributes[NFTA_CHAIN_TYPE] is { Exists: true } typeName)
        {
            if (FindType(typeName.Name, context.Family) is not { } found)
            {
                return context.Blame(typeName, LinuxError.ENOENT);
            }

            type = found;
        }

        if (existing is null && (number > NF_INET_INGRESS || (HookMask(type, context.Family) & 1u << (int)number) == 0 || type == ChainType.Nat && priority <= -200))
        {
            return LinuxError.EOPNOTSUPP;
        }

        List<string> devices = [];
        if (IsNetdev(context.Family, number))
        {
            error = ParseDevices(context, table[NFTA_HOOK_DEV], table[NFTA_HOOK_DEVS], devices);
            if (error != LinuxError.None)
            {
                return error;
            }

            if (devices.Count == 0 && ((flags & NFT_CHAIN_HW_OFFLOAD) != 0 || !context.Profile.IsAtLeast(6, 4)))
            {
                return LinuxError.EINVAL;
            }
        }
        else if (table.Has(NFTA_HOOK_DEV) || table.Has(NFTA_HOOK_DEVS))
        {
            return LinuxError.EOPNOTSUPP;
        }

        hook = new ChainHook(type, (byte)number, priority, devices);
        return LinuxError.None;
    }

    /// <summary>Reads one device or a list of them.</summary>
    public static LinuxError ParseDevices(NftContext context, KernelAttribute single, KernelAttribute list, List<string> devices)
    {
        if (single.Exists)
        {
            return AddDevice(context, single, single.Name, devices);
        }

        if (!list.Exists)
        {
            return LinuxError.None;
        }

        foreach (KernelAttribute attribute in list.Children())
        {
            bool isPrefix = attribute.Type == NFTA_DEVICE_PREFIX && context.Profile.IsAtLeast(6, 18);
            if (attribute.Type != NFTA_DEVICE_NAME && !isPrefix)
            {
                return LinuxError.EINVAL;
            }

            string name = attribute.Name;
            if (attribute.Length == 0 || name.Length > 15)
            {
                return LinuxError.EINVAL;
            }

            name = isPrefix ? name + PrefixMark : name;
            if (devices.Contains(name))
            {
                return context.Blame(attribute, LinuxError.EEXIST);
            }

            LinuxError error = AddDevice(context, attribute, name, devices);
            if (error != LinuxError.None)
            {
                return error;
            }

            if (devices.Count == MaximumDevices)
            {
                return LinuxError.EFBIG;
            }
        }

        return LinuxError.None;
    }

    public static void Write(ref NetlinkWriter writer, byte family, BaseChain chain, List<string> devices)
    {
        WireMark mark = writer.BeginAttribute(NFTA_CHAIN_HOOK);
        writer.WriteUInt32BigEndian(NFTA_HOOK_HOOKNUM, chain.Hook);
        writer.WriteUInt32BigEndian(NFTA_HOOK_PRIORITY, (uint)chain.Priority);
        if (IsNetdev(family, chain.Hook))
        {
            WriteDevices(ref writer, NFTA_HOOK_DEVS, devices);
            if (devices.Count == 1 && !devices[0].EndsWith(PrefixMark))
            {
                NftMessage.WriteName(ref writer, NFTA_HOOK_DEV, devices[0]);
            }
        }

        writer.EndAttribute(mark);
    }

    public static void WriteDevices(ref NetlinkWriter writer, ushort type, List<string> devices)
    {
        WireMark list = writer.BeginAttribute(type);
        foreach (string device in devices)
        {
            bool isPrefix = device.EndsWith(PrefixMark);
            NftMessage.WriteName(ref writer, isPrefix ? NFTA_DEVICE_PREFIX : NFTA_DEVICE_NAME, isPrefix ? device[..^1] : device);
        }

        writer.EndAttribute(list);
    }

    private static LinuxError AddDevice(NftContext context, KernelAttribute attribute, string name, List<string> devices)
    {
        // Since 6.16 a hook waits for devices of its name; before, the device had to be there.
        if (!context.Profile.IsAtLeast(6, 16) && context.Subsystem.Kernel.Devices.Find(name) is null)
        {
            return context.Blame(attribute, LinuxError.ENOENT);
        }

        devices.Add(name);
        return LinuxError.None;
    }

    private static ChainType? FindType(string name, byte family) => name switch
    {
        "filter" => ChainType.Filter,
        "nat" when family is NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET => ChainType.Nat,
        "route" when family is NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET => ChainType.Route,
        _ => null,
    };

    private static uint HookMask(ChainType type, byte family) => type switch
    {
        ChainType.Nat => 0b11011,
        ChainType.Route => 0b01000,
        _ => family switch
        {
            NFPROTO_INET => 0b111111,
            NFPROTO_ARP => 0b011,
            NFPROTO_NETDEV => 0b011,
            _ => 0b11111,
        },
    };
}
