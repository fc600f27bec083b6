using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Who asked: to whom echoes go, and with which sequence number.</summary>
internal readonly record struct Requester(SimulatedNetlinkSocket Socket, NetlinkHeader Header)
{
    public uint Sequence => Header.Sequence;

    public uint PortId => Socket.PortId;

    public bool WantsEcho => (Header.Flags & NetlinkMessageFlags.Echo) != 0;
}

/// <summary>rtnetlink: finds the handler of a verb and family, as rtnetlink_rcv_msg does.</summary>
internal sealed class RouteSubsystem : INetlinkSubsystem
{
    private readonly Dictionary<(byte Family, ushort Type), MessageHandler> _do = [];
    private readonly Dictionary<(byte Family, ushort Type), MessageHandler> _dump = [];
    private readonly SimulatedKernel _kernel;
    private readonly MessageHandler _dispatch;

    public RouteSubsystem(SimulatedKernel kernel)
    {
        _kernel = kernel;
        _dispatch = Dispatch;
    }

    /// <inheritdoc />
    public uint GroupCount => RTNLGRP_MAX;

    /// <summary>Registers the handler of a verb; a family without one of its own takes that of AF_UNSPEC.</summary>
    public void Handle(byte family, ushort type, MessageHandler handler) => _do[(family, type)] = handler;

    /// <summary>Registers the handler of a dump.</summary>
    public void HandleDump(byte family, ushort type, MessageHandler handler) => _dump[(family, type)] = handler;

    /// <summary>The requests that are answered: family, message type, and whether as a dump.</summary>
    public IEnumerable<(byte Family, ushort Type, bool IsDump)> Requests =>
        _do.Keys.Select(static key => (key.Item1, key.Item2, false)).Concat(_dump.Keys.Select(static key => (key.Item1, key.Item2, true)));

    /// <summary>The dump handler of exactly this family, or null.</summary>
    public MessageHandler? DumpOf(byte family, ushort type) => _dump.GetValueOrDefault((family, type));

    /// <inheritdoc />
    public void Receive(SimulatedNetlinkSocket socket, ReadOnlySpan<byte> datagram) => MessageDispatch.Run(socket, datagram, _dispatch);

    /// <summary>Sends an event to its group, and to the one who asked where he wants an echo.</summary>
    public void Publish(uint group, byte[] message, Requester? requester = null)
    {
        bool echo = requester is { WantsEcho: true };
        _kernel.Notify(NetlinkProtocol.Route, group, message, echo ? requester!.Value.Socket : null);
        if (echo)
        {
            requester!.Value.Socket.Deliver(message);
        }
    }

    private Verdict Dispatch(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        ushort type = message.Header.Type;
        if (type > RTM_MAX)
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (message.Payload.IsEmpty)
        {
            return Verdict.Success;
        }

        byte family = message.Payload[0];
        bool isGet = (type & 3) == 2;
        if (!isGet && !_kernel.Options.IsPrivileged)
        {
            return LinuxError.EPERM;
        }

        bool isDump = isGet && (message.Header.Flags & NetlinkMessageFlags.Dump) != 0;
        Dictionary<(byte, ushort), MessageHandler> handlers = isDump ? _dump : _do;
        if (!handlers.TryGetValue((family, type), out MessageHandler? handler) && !handlers.TryGetValue((AF_UNSPEC, type), out handler))
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (isDump && socket.Dump is not null)
        {
            return LinuxError.EBUSY;
        }

        return handler(socket, message);
    }
}
