using System.Numerics;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath;

/// <summary>Which of its addresses a machine sends from: inet_select_addr for IPv4, RFC 6724 for IPv6 (ipv6_dev_get_saddr).</summary>
internal sealed class SourceSelection(SimulatedKernel kernel)
{
    private const byte ScopeLink = 253;
    private const byte ScopeHost = 254;
    private const uint Tentative = 0x40, Deprecated = 0x20, Failed = 0x08, Optimistic = 0x04;

    /// <summary>The policy table of RFC 6724 as Linux has it (addrlabel.c): prefix, length, label.</summary>
    private static readonly (InternetAddress Prefix, int Length, int Label)[] Labels =
    [
        (InternetAddress.Parse("::1"), 128, 0), (InternetAddress.Parse("::"), 96, 3), (InternetAddress.Parse("::ffff:0:0"), 96, 4),
        (InternetAddress.Parse("2001::"), 32, 6), (InternetAddress.Parse("2001:10::"), 28, 7), (InternetAddress.Parse("2002::"), 16, 2),
        (InternetAddress.Parse("3ffe::"), 16, 12), (InternetAddress.Parse("fec0::"), 10, 11), (InternetAddress.Parse("fc00::"), 7, 5),
        (InternetAddress.Parse("::"), 0, 1),
    ];

    /// <summary>The source of a local packet for this route; null where the machine has none.</summary>
    public InternetAddress? For(RouteDecision decision, InternetAddress destination)
    {
        if (decision.PreferredSource is { } preferred)
        {
            return preferred;
        }

        if (decision.Type == RouteType.Local)
        {
            return destination;
        }

        if (destination.Family == InternetAddress.V6)
        {
            return SelectV6(decision.Device, destination);
        }

        byte scope = decision.Gateway is null ? ScopeLink : (byte)0;
        return SelectV4(decision.Device, decision.Gateway ?? destination, decision.Route is { Scope: ScopeHost } ? ScopeHost : scope);
    }

    /// <summary>An IPv4 address of a device: one in the destination's network, else the first of wide enough scope.</summary>
    public InternetAddress? SelectV4(NetworkDevice device, InternetAddress? destination, byte scope = 0)
    {
        InternetAddress? first = null;
        foreach (InterfaceAddress address in kernel.Addresses.Of(device, InternetAddress.V4))
        {
            if (address.IsSecondary || address.Scope > scope)
            {
                continue;
            }

            if (destination is not { } target || target.IsIn(address.Address, address.PrefixLength))
            {
                return address.Local;
            }

            first ??= address.Local;
        }

        if (first is not null)
        {
            return first;
        }

        // The device has none: another one's address will do, unless it is only for its own link.
        foreach (NetworkDevice other in kernel.Devices.All)
        {
            foreach (InterfaceAddress address in kernel.Addresses.Of(other, InternetAddress.V4))
            {
                if (!address.IsSecondary && address.Scope != ScopeLink && address.Scope <= scope)
                {
                    return address.Local;
                }
            }
        }

        return null;
    }

    /// <summary>The best IPv6 address for a destination; only the device's own for the link and for groups of the link.</summary>
    public InternetAddress? SelectV6(NetworkDevice? device, InternetAddress destination)
    {
        bool onLink = destination.IsLinkLocal || (destination.IsMulticast && ScopeOf(destination) <= 2);
        InterfaceAddress? best = null;
        IEnumerable<NetworkDevice> candidates = onLink && device is not null ? [device] : kernel.Devices.All;
        foreach (NetworkDevice candidate in candidates)
        {
            foreach (InterfaceAddress address in kernel.Addresses.Of(candidate, InternetAddress.V6))
            {
                if (IsUsable(address) && (best is null || IsBetter(address, best, device, destination)))
                {
                    best = address;
                }
            }
        }

        return best?.Local;
    }

    /// <summary>A device's own link-local address, once it is surely its own.</summary>
    public InternetAddress? LinkLocalOf(NetworkDevice device)
    {
        foreach (InterfaceAddress address in kernel.Addresses.Of(device, InternetAddress.V6))
        {
            if (address.Local.IsLinkLocal && IsUsable(address))
            {
                return address.Local;
            }
        }

        return null;
    }

    /// <summary>Nobody else has the address: its detection is over, or counted on.</summary>
    public static bool IsUsable(InterfaceAddress address) =>
        (address.Flags & Failed) == 0 && (address.Flags & (Tentative | Optimistic)) != Tentative;

    /// <summary>RFC 4291 scopes: 1 the machine, 2 the link, 5 the site, 14 the world.</summary>
    public static int ScopeOf(InternetAddress address) =>
        address.IsMulticast ? (int)(address.Value >> 112) & 0xf
        : address.IsLinkLocal || address.IsLoopback ? 2
        : (uint)(address.Value >> 118) == 0x3fb ? 5
        : 14;

    private static bool IsBetter(InterfaceAddress one, InterfaceAddress other, NetworkDevice? device, InternetAddress destination)
    {
        if ((one.Local == destination) != (other.Local == destination))
        {
            return one.Local == destination;
        }

        int wanted = ScopeOf(destination), scopeOne = ScopeOf(one.Local), scopeOther = ScopeOf(other.Local);
        if (scopeOne != scopeOther)
        {
            return scopeOne < scopeOther ? scopeOne >= wanted : scopeOther < wanted;
        }

        bool deprecatedOne = (one.Flags & Deprecated) != 0, deprecatedOther = (other.Flags & Deprecated) != 0;
        if (deprecatedOne != deprecatedOther)
        {
            return deprecatedOther;
        }

        if (device is not null && (one.Device == device) != (other.Device == device))
        {
            return one.Device == device;
        }

        int label = LabelOf(destination);
        bool fitsOne = LabelOf(one.Local) == label, fitsOther = LabelOf(other.Local) == label;
        if (fitsOne != fitsOther)
        {
            return fitsOne;
        }

        return CommonPrefix(one, destination) > CommonPrefix(other, destination);
    }

    private static int LabelOf(InternetAddress address) => Array.Find(Labels, entry => address.IsIn(entry.Prefix, entry.Length)).Label;

    private static int CommonPrefix(InterfaceAddress address, InternetAddress destination) =>
        Math.Min((int)UInt128.LeadingZeroCount(address.Local.Value ^ destination.Value), address.PrefixLength);
}
