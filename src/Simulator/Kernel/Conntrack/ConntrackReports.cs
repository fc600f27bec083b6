using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Kernel.Netfilter;
using EucaNet.Simulator.Kernel.Nftables;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>Tells listeners of connections and expectations, and the one whose request changed them, where it asked for that (NLM_F_ECHO).</summary>
internal sealed class ConntrackReports(SimulatedKernel kernel)
{
    private SimulatedNetlinkSocket? _asking;
    private ExpectationEvents _asked;
    private bool _wantsEcho;

    private DateTimeOffset Now => kernel.Clock.Steady.GetUtcNow();

    /// <summary>From here on changes are those of a request.</summary>
    /// <param name="message">The request.</param>
    /// <param name="expectations">What it asks for of expectations; what happens to others along with it, nobody asked for.</param>
    public Asked AskedBy(NetfilterMessage message, ExpectationEvents expectations = ExpectationEvents.None)
    {
        _asked = expectations;
        _asking = message.Socket;
        _wantsEcho = (message.Header.Flags & NetlinkMessageFlags.Echo) != 0;
        return new Asked(this);
    }

    /// <summary>Somebody listens to connections or expectations.</summary>
    public bool HasListeners()
    {
        for (uint group = NFNLGRP_CONNTRACK_NEW; group <= NFNLGRP_CONNTRACK_EXP_DESTROY; group++)
        {
            if (kernel.HasListeners(NetlinkProtocol.Netfilter, group))
            {
                return true;
            }
        }

        return false;
    }

    public void Tell(Connection connection, ConnectionEvents events)
    {
        if (connection.Told is not { } told || (told & events) == 0)
        {
            return;
        }

        bool ended = (events & ConnectionEvents.Destroy) != 0, began = !ended && (events & (ConnectionEvents.New | ConnectionEvents.Related)) != 0;
        Send(
            ended ? NFNLGRP_CONNTRACK_DESTROY : began ? NFNLGRP_CONNTRACK_NEW : NFNLGRP_CONNTRACK_UPDATE,
            NFNL_SUBSYS_CTNETLINK,
            ended ? IPCTNL_MSG_CT_DELETE : IPCTNL_MSG_CT_NEW,
            began,
            connection.Original.Family,
            (ref NetlinkWriter writer) => ConntrackMessage.WriteEvent(ref writer, connection, Now, events, kernel.Profile.TimesConnectionEvents),
            _asking);
    }

    public void Tell(Expectation expectation, ExpectationEvents what)
    {
        if (expectation.Master.Told is null || (expectation.Master.ExpectationsTold & what) == 0)
        {
            return;
        }

        bool began = what == ExpectationEvents.New;
        Send(
            began ? NFNLGRP_CONNTRACK_EXP_NEW : NFNLGRP_CONNTRACK_EXP_DESTROY,
            NFNL_SUBSYS_CTNETLINK_EXP,
            began ? IPCTNL_MSG_EXP_NEW : IPCTNL_MSG_EXP_DELETE,
            began,
            expectation.Tuple.Family,
            (ref NetlinkWriter writer) => ExpectationMessage.Write(ref writer, expectation, Now),
            (_asked & what) != 0 ? _asking : null);
    }

    /// <summary>A message of ctnetlink about a connection.</summary>
    public static byte[] Message(int verb, NetlinkMessageFlags flags, byte family, NftMessage.Filler fill) => NftMessage.Make(NFNL_SUBSYS_CTNETLINK, verb, flags, 0, 0, family, 0, fill);

    /// <summary>A message of counts for each processor; all work is the first one's.</summary>
    public static byte[][] OfProcessors(SimulatedKernel kernel, int verb, params (ushort Type, uint Count)[] counts) => [.. Enumerable.Range(0, (int)kernel.Profile.Processors).Select(processor => NftMessage.Make(
        NFNL_SUBSYS_CTNETLINK,
        verb,
        NetlinkMessageFlags.Multi,
        0,
        0,
        NFPROTO_UNSPEC,
        (ushort)processor,
        (ref NetlinkWriter writer) =>
        {
            foreach ((ushort type, uint count) in counts)
            {
                writer.WriteUInt32BigEndian(type, processor == 0 ? count : 0);
            }
        }))];

    private void Send(uint group, int subsystem, int verb, bool began, byte family, NftMessage.Filler fill, SimulatedNetlinkSocket? asking)
    {
        bool reports = asking is not null && _wantsEcho;
        if (!reports && !kernel.HasListeners(NetlinkProtocol.Netfilter, group))
        {
            return;
        }

        byte[] message = NftMessage.Make(subsystem, verb, began ? NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive : 0, 0, asking?.PortId ?? 0, family, 0, fill);
        kernel.Notify(NetlinkProtocol.Netfilter, group, message, reports ? asking : null);
        if (reports)
        {
            asking!.Deliver(message);
        }
    }

    /// <summary>The time during which a request is carried out.</summary>
    public readonly struct Asked(ConntrackReports reports) : IDisposable
    {
        public void Dispose() => reports._asking = null;
    }
}
