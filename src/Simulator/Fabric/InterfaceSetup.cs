using System.Net;
using System.Net.Sockets;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Fabric;

/// <summary>
/// The little rtnetlink a guest needs: links up, addresses, routes. Written against the seam alone, so it does the same on a
/// real kernel.
/// </summary>
internal static class InterfaceSetup
{
    private const ushort NewLink = 16, GetLink = 18, NewAddress = 20, DeleteAddress = 21, NewRoute = 24;
    private const byte Inet = 2, Inet6 = 10;
    private const ushort LinkName = 3, AddressLocal = 2, AddressAddress = 1, AddressBroadcast = 4;
    private const ushort RouteDestination = 1, RouteOutput = 4, RouteGateway = 5;
    private const byte MainTable = 254, ProtocolBoot = 3, ProtocolDhcp = 16, TypeUnicast = 1;
    private const uint FlagUp = 1;

    /// <summary>The index of an interface.</summary>
    /// <exception cref="KernelException">ENODEV: there is none of this name.</exception>
    public static int IndexOf(IKernel kernel, string interfaceName)
    {
        int index = 0;
        Exchange(kernel, $"look up interface {interfaceName}", buffer =>
        {
            var writer = new NetlinkWriter(buffer);
            WireMark message = writer.BeginMessage(GetLink, NetlinkMessageFlags.Request, 1);
            writer.Append(new byte[16]);
            writer.WriteString(LinkName, interfaceName);
            writer.EndMessage(message);
            writer.Complete();
        }, answer => index = BitConverter.ToInt32(answer[4..8]));
        return index;
    }

    public static void Up(IKernel kernel, string interfaceName)
    {
        Exchange(kernel, $"set {interfaceName} up", buffer =>
        {
            Span<byte> header = stackalloc byte[16];
            BitConverter.TryWriteBytes(header[8..], FlagUp);
            BitConverter.TryWriteBytes(header[12..], FlagUp);
            var writer = new NetlinkWriter(buffer);
            WireMark message = writer.BeginMessage(NewLink, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge, 1);
            writer.Append(header);
            writer.WriteString(LinkName, interfaceName);
            writer.EndMessage(message);
            writer.Complete();
        });
    }

    public static void AddAddress(IKernel kernel, string interfaceName, IPAddress address, int prefixLength, IPAddress? broadcast) =>
        Change(kernel, NewAddress, NetlinkMessageFlags.Create | NetlinkMessageFlags.Replace, interfaceName, address, prefixLength, broadcast, $"add address {address}/{prefixLength} to {interfaceName}");

    public static void RemoveAddress(IKernel kernel, string interfaceName, IPAddress address, int prefixLength) =>
        Change(kernel, DeleteAddress, 0, interfaceName, address, prefixLength, null, $"remove address {address}/{prefixLength} from {interfaceName}");

    /// <summary>Adds or replaces a route by a gateway.</summary>
    public static void AddRoute(IKernel kernel, IPAddress destination, int prefixLength, IPAddress gateway, string? interfaceName = null)
    {
        int index = interfaceName is null ? 0 : IndexOf(kernel, interfaceName);
        Exchange(kernel, $"add route {destination}/{prefixLength} via {gateway}", buffer =>
        {
            var writer = new NetlinkWriter(buffer);
            WireMark message = writer.BeginMessage(NewRoute,
                NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge | NetlinkMessageFlags.Create | NetlinkMessageFlags.Replace, 1);
            writer.Append([FamilyOf(destination), (byte)prefixLength, 0, 0, MainTable, interfaceName is null ? ProtocolBoot : ProtocolDhcp, 0, TypeUnicast, 0, 0, 0, 0]);
            if (prefixLength > 0)
            {
                writer.WriteBytes(RouteDestination, destination.GetAddressBytes());
            }

            writer.WriteBytes(RouteGateway, gateway.GetAddressBytes());
            if (index != 0)
            {
                writer.WriteUInt32(RouteOutput, (uint)index);
            }

            writer.EndMessage(message);
            writer.Complete();
        });
    }

    private static void Change(
        IKernel kernel, ushort type, NetlinkMessageFlags flags, string interfaceName, IPAddress address, int prefixLength, IPAddress? broadcast, string operation)
    {
        int index = IndexOf(kernel, interfaceName);
        Exchange(kernel, operation, buffer =>
        {
            Span<byte> header = stackalloc byte[8];
            header[0] = FamilyOf(address);
            header[1] = (byte)prefixLength;
            BitConverter.TryWriteBytes(header[4..], index);
            var writer = new NetlinkWriter(buffer);
            WireMark message = writer.BeginMessage(type, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge | flags, 1);
            writer.Append(header);
            writer.WriteBytes(AddressLocal, address.GetAddressBytes());
            writer.WriteBytes(AddressAddress, address.GetAddressBytes());
            if (broadcast is not null)
            {
                writer.WriteBytes(AddressBroadcast, broadcast.GetAddressBytes());
            }

            writer.EndMessage(message);
            writer.Complete();
        });
    }

    private static byte FamilyOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6 ? Inet6 : Inet;

    private delegate void Answer(ReadOnlySpan<byte> payload);

    /// <summary>Sends one request and takes its answer, which rtnetlink gives before the send returns.</summary>
    private static void Exchange(IKernel kernel, string operation, Action<NetlinkBuffer> write, Answer? answer = null)
    {
        using INetlinkSocket socket = kernel.OpenNetlink(NetlinkProtocol.Route);
        var request = new NetlinkBuffer(512);
        write(request);
        socket.Send(request.Written);
        var received = new NetlinkReceiveBuffer();
        int count = socket.Receive(received);
        for (int i = 0; i < count; i++)
        {
            var reader = new MessageReader(received.Bytes(i));
            while (reader.TryRead(out NetlinkMessage message))
            {
                if (message.Header.Type == NetlinkMessageType.Error)
                {
                    int error = -BitConverter.ToInt32(message.Payload[..4]);
                    if (error != 0)
                    {
                        throw new KernelException(operation, (LinuxError)error);
                    }
                }
                else
                {
                    answer?.Invoke(message.Payload);
                }
            }
        }
    }
}
