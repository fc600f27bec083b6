using EucaNet.Simulator.Datapath.Conntrack;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>The transitions of a tracked TCP connection, from the comments of the kernel's own table (nf_conntrack_proto_tcp.c).</summary>
public sealed class TcpTransitionTests
{
    private const ConnectionDirection Original = ConnectionDirection.Original, Reply = ConnectionDirection.Reply;

    [Test]
    public void A_connection_opens_and_closes_through_the_states_the_kernel_names()
    {
        TcpState state = TcpState.None;
        (ConnectionDirection, TcpBits, TcpState)[] life =
        [
            (Original, TcpBits.Syn, TcpState.SynSent),
            (Reply, TcpBits.SynAck, TcpState.SynReceived),
            (Original, TcpBits.Ack, TcpState.Established),
            (Original, TcpBits.Fin, TcpState.FinWait),
            (Reply, TcpBits.Ack, TcpState.CloseWait),
            (Reply, TcpBits.Fin, TcpState.LastAck),
            (Original, TcpBits.Ack, TcpState.TimeWait),
            (Original, TcpBits.Syn, TcpState.SynSent),
        ];
        foreach ((ConnectionDirection direction, TcpBits bits, TcpState expected) in life)
        {
            state = TcpTracking.Next(direction, bits, state);
            Assert.That(state, Is.EqualTo(expected));
        }
    }

    [TestCase((int)Original, (int)TcpBits.Ack, (int)TcpState.None, (int)TcpState.Established, Description = "assumed")]
    [TestCase((int)Original, (int)TcpBits.Ack, (int)TcpState.SynSent, (int)TcpState.Invalid, Description = "no SYN/ACK seen yet")]
    [TestCase((int)Reply, (int)TcpBits.Syn, (int)TcpState.SynSent, (int)TcpState.SynSent2, Description = "simultaneous open")]
    [TestCase((int)Original, (int)TcpBits.SynAck, (int)TcpState.SynSent2, (int)TcpState.SynReceived, Description = "simultaneous open")]
    [TestCase((int)Reply, (int)TcpBits.SynAck, (int)TcpState.Established, (int)TcpState.Ignore, Description = "late retransmission")]
    [TestCase((int)Reply, (int)TcpBits.Syn, (int)TcpState.TimeWait, (int)TcpState.SynSent, Description = "either side may reopen")]
    [TestCase((int)Original, (int)TcpBits.Syn, (int)TcpState.Established, (int)TcpState.Ignore, Description = "out of step")]
    [TestCase((int)Original, (int)TcpBits.Reset, (int)TcpState.Established, (int)TcpState.Close)]
    [TestCase((int)Original, (int)TcpBits.Reset, (int)TcpState.None, (int)TcpState.Invalid)]
    [TestCase((int)Original, (int)TcpBits.None, (int)TcpState.Established, (int)TcpState.Invalid)]
    public void Single_transitions_are_the_kernel_s(int direction, int bits, int state, int expected) =>
        Assert.That(TcpTracking.Next((ConnectionDirection)direction, (TcpBits)bits, (TcpState)state), Is.EqualTo((TcpState)expected));
}
