using System.Text;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Firewall;

/// <summary>Keys of the sets, as the kernel compares them: parts padded to four bytes, interface names to sixteen.</summary>
internal static class ElementKeys
{
    /// <summary>An address.</summary>
    public static OctetString Address(Ipv4Address address) => OctetString.FromUInt32BigEndian(address.Value);

    /// <summary>Two addresses.</summary>
    public static OctetString Addresses(Ipv4Address first, Ipv4Address second)
    {
        Span<byte> key = stackalloc byte[8];
        first.CopyTo(key);
        second.CopyTo(key[4..]);
        return new OctetString(key);
    }

    /// <summary>An interface.</summary>
    public static OctetString Interface(string name)
    {
        Span<byte> key = stackalloc byte[16];
        Write(key, name);
        return new OctetString(key);
    }

    /// <summary>An interface and an address.</summary>
    public static OctetString InterfaceAddress(string name, Ipv4Address address)
    {
        Span<byte> key = stackalloc byte[20];
        Write(key, name);
        address.CopyTo(key[16..]);
        return new OctetString(key);
    }

    /// <summary>An interface and a MAC.</summary>
    public static OctetString InterfaceMac(string name, MacAddress mac)
    {
        Span<byte> key = stackalloc byte[24];
        Write(key, name);
        mac.CopyTo(key[16..]);
        return new OctetString(key);
    }

    /// <summary>An interface, a MAC and an address.</summary>
    public static OctetString InterfaceMacAddress(string name, MacAddress mac, Ipv4Address address)
    {
        Span<byte> key = stackalloc byte[28];
        Write(key, name);
        mac.CopyTo(key[16..]);
        address.CopyTo(key[24..]);
        return new OctetString(key);
    }

    /// <summary>An interface, a MAC and the IPv6 link-local address made from it (RFC 4291, appendix A).</summary>
    public static OctetString InterfaceMacLinkLocal(string name, MacAddress mac)
    {
        Span<byte> key = stackalloc byte[40];
        Write(key, name);
        mac.CopyTo(key[16..]);
        Span<byte> address = key[24..];
        address[0] = 0xfe;
        address[1] = 0x80;
        Span<byte> octets = stackalloc byte[6];
        mac.CopyTo(octets);
        octets[0] ^= 2;
        octets[..3].CopyTo(address[8..]);
        address[11] = 0xff;
        address[12] = 0xfe;
        octets[3..].CopyTo(address[13..]);
        return new OctetString(key);
    }

    /// <summary>An interface, a MAC and the unspecified IPv6 address.</summary>
    public static OctetString InterfaceMacUnspecified(string name, MacAddress mac)
    {
        Span<byte> key = stackalloc byte[40];
        Write(key, name);
        mac.CopyTo(key[16..]);
        return new OctetString(key);
    }

    private static void Write(Span<byte> key, string name)
    {
        key.Clear();
        Encoding.UTF8.GetBytes(name, key[..15]);
    }
}
