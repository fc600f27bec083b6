using System.Net;
using System.Net.Sockets;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>An object that rtnetlink lists, makes and removes: a family header, then attributes.</summary>
public abstract record RouteObject : AttributeSet
{
    /// <summary>The type of the message that makes or announces it (RTM_NEW…); the one that removes it is the next, the one that asks for it the one after.</summary>
    public abstract ushort NewType { get; }

    /// <summary>Writes the family header and the attributes.</summary>
    public abstract void WritePayload(ref NetlinkWriter writer);

    /// <summary>Writes a whole message.</summary>
    public void WriteMessage(ref NetlinkWriter writer, ushort type, NetlinkMessageFlags flags, uint sequence = 0, uint portId = 0)
    {
        WireMark mark = writer.BeginMessage(type, flags, sequence, portId);
        WritePayload(ref writer);
        writer.EndMessage(mark);
    }

    /// <summary>AF_INET or AF_INET6, as the kernel numbers them.</summary>
    private protected static byte FamilyOf(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.AddressFamily == AddressFamily.InterNetworkV6 ? AF_INET6 : AF_INET;
    }
}
