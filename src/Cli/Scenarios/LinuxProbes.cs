using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli.Scenarios;

/// <summary>Real sockets inside network namespaces: what a scenario's expectations are judged by on the real kernel.</summary>
internal static class LinuxProbes
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Sends up to two ICMP echo requests and waits for an answer to either.</summary>
    public static async Task<bool> PingAsync(NetworkNamespace from, IPAddress to, CancellationToken cancellationToken)
    {
        using Socket socket = from.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp));
        ushort identifier = (ushort)Random.Shared.Next(1, ushort.MaxValue);
        byte[] answer = new byte[1500];
        for (ushort sequence = 1; sequence <= 2; sequence++)
        {
            try
            {
                await socket.SendToAsync(EchoRequest(identifier, sequence), new IPEndPoint(to, 0), cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException exception) when (IsUnreachable(exception))
            {
                return false;
            }

            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            deadline.CancelAfter(Patience / 2);
            try
            {
                while (true)
                {
                    int length = await socket.ReceiveAsync(answer, deadline.Token).ConfigureAwait(false);
                    if (IsEchoReply(answer.AsSpan(0, length), identifier))
                    {
                        return true;
                    }
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // no answer to this one
            }
            catch (SocketException exception) when (IsUnreachable(exception))
            {
                // the next request may do better: an address may just be being resolved
            }
        }

        return false;
    }

    /// <summary>Connects by TCP, to a server that this opens at <paramref name="listener"/> where one is named.</summary>
    public static async Task<Reachability> ConnectAsync(NetworkNamespace from, IPAddress to, ushort port, NetworkNamespace? listener, CancellationToken cancellationToken)
    {
        using Socket? server = listener?.Run(() => Bound(SocketType.Stream, port));
        server?.Listen();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Patience);
        using Socket client = from.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            await client.ConnectAsync(new IPEndPoint(to, port), deadline.Token).ConfigureAwait(false);
            if (server is null)
            {
                return new Reachability(true, null, "");
            }

            using Socket accepted = await server.AcceptAsync(deadline.Token).ConfigureAwait(false);
            return new Reachability(true, ((IPEndPoint)accepted.RemoteEndPoint!).Address, "");
        }
        catch (SocketException exception) when (IsUnreachable(exception))
        {
            return new Reachability(false, null, "");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Reachability(false, null, "");
        }
    }

    /// <summary>Sends UDP datagrams to a server that this opens at <paramref name="listener"/>.</summary>
    public static async Task<Reachability> SendDatagramAsync(NetworkNamespace from, IPAddress to, ushort port, NetworkNamespace listener, CancellationToken cancellationToken)
    {
        using Socket server = listener.Run(() => Bound(SocketType.Dgram, port));
        using Socket client = from.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Patience);
        byte[] received = new byte[16];
        try
        {
            await client.SendToAsync("eucanet"u8.ToArray(), new IPEndPoint(to, port), deadline.Token).ConfigureAwait(false);
            SocketReceiveFromResult result = await server.ReceiveFromAsync(received, new IPEndPoint(IPAddress.Any, 0), deadline.Token).ConfigureAwait(false);
            return new Reachability(true, ((IPEndPoint)result.RemoteEndPoint).Address, "");
        }
        catch (SocketException exception) when (IsUnreachable(exception))
        {
            return new Reachability(false, null, "");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Reachability(false, null, "");
        }
    }

    private static Socket Bound(SocketType type, ushort port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(IPAddress.Any, port));
        return socket;
    }

    private static bool IsUnreachable(SocketException exception) => exception.SocketErrorCode is
        SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.ConnectionRefused or SocketError.TimedOut or SocketError.HostDown or SocketError.AccessDenied or SocketError.ConnectionReset;

    // RFC 792: type 8, code 0, checksum, identifier, sequence.
    private static byte[] EchoRequest(ushort identifier, ushort sequence)
    {
        byte[] request = new byte[16];
        request[0] = 8;
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(4), identifier);
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(6), sequence);
        uint sum = 0;
        for (int index = 0; index < request.Length; index += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(request.AsSpan(index));
        }

        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(2), (ushort)~((sum & 0xffff) + (sum >> 16)));
        return request;
    }

    // A raw socket sees the IPv4 header too.
    private static bool IsEchoReply(ReadOnlySpan<byte> packet, ushort identifier)
    {
        int header = packet.Length > 0 ? (packet[0] & 15) * 4 : 0;
        return packet.Length >= header + 8 && packet[header] == 0 && BinaryPrimitives.ReadUInt16BigEndian(packet[(header + 4)..]) == identifier;
    }
}
