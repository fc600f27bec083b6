using System.Net;
using EucaNet.Netfilter.Conntrack;
using EucaNet.Netlink.Sockets;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Conntrack;

[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
public sealed class ConntrackTests(KernelKind kind)
{
    private KernelUnderTest _kernel = null!;
    private ConntrackConnection _connection = null!;

    [SetUp]
    public void Open()
    {
        _kernel = KernelUnderTest.Open(kind);
        _connection = ConntrackConnection.Open(_kernel.Kernel);
    }

    [TearDown]
    public void Close()
    {
        _connection.Dispose();
        _kernel.Dispose();
    }

    [Test]
    public void A_connection_that_was_made_is_listed_with_both_directions()
    {
        _connection.Create(Entry(1));
        ConntrackEntry listed = _connection.List().Single();
        Assert.That(listed.Original, Is.EqualTo(Entry(1).Original));
        Assert.That(listed.Reply, Is.EqualTo(Entry(1).Reply));
        Assert.That(listed.Mark, Is.EqualTo(7));
        Assert.That(listed.TcpState, Is.EqualTo(3));
        Assert.That(listed.Timeout, Is.InRange(90, 100));
        Assert.That(Assert.Throws<NetlinkException>(() => _connection.Create(Entry(1)))!.IsAlreadyThere);
    }

    [Test]
    public void Only_the_connections_meant_are_forgotten()
    {
        for (byte host = 1; host <= 5; host++)
        {
            _connection.Create(Entry(host));
        }

        Assert.That(_connection.List(new ConntrackFilter { OriginalSource = IPAddress.Parse("10.0.0.2") }), Has.Count.EqualTo(1));
        Assert.That(_connection.Delete(new ConntrackFilter { ReplyDestination = IPAddress.Parse("10.0.0.3") }), Is.EqualTo(1));
        Assert.That(_connection.Delete(new ConntrackFilter { OriginalDestination = IPAddress.Parse("10.0.9.9"), Protocol = 17 }), Is.Zero);
        Assert.That(_connection.Delete(new ConntrackFilter { Protocol = 6, OriginalDestinationPort = 80, OriginalSourcePort = 1004 }), Is.EqualTo(1));
        Assert.That(_connection.List().Select(entry => entry.Original.SourcePort), Is.EquivalentTo(new ushort?[] { 1001, 1002, 1005 }));
        Assert.That(_connection.Delete(Entry(4)), Is.False);
    }

    [Test]
    public void A_mark_is_changed()
    {
        _connection.Create(Entry(1));
        _connection.Update(Entry(1) with { Mark = 99, Timeout = 50, Status = 0 });
        Assert.That(_connection.List().Single().Mark, Is.EqualTo(99));
    }

    [Test]
    public void What_begins_and_ends_is_announced()
    {
        using ConntrackWatcher watcher = ConntrackWatcher.Open(_kernel.Kernel);
        _connection.Create(Entry(1));
        _connection.Delete(new ConntrackFilter());
        Assert.That(watcher.TryRead(out ConntrackEvent? begun));
        Assert.That(begun!.Kind, Is.EqualTo(ConntrackEventKind.New));
        Assert.That(watcher.TryRead(out ConntrackEvent? ended));
        Assert.That(ended!.Kind, Is.EqualTo(ConntrackEventKind.Destroyed));
        Assert.That(ended.Entry!.Original, Is.EqualTo(Entry(1).Original));
    }

    private static ConntrackEntry Entry(byte host)
    {
        var source = new IPAddress([10, 0, 0, host]);
        IPAddress destination = IPAddress.Parse("10.0.9.9");
        return new ConntrackEntry
        {
            Original = new ConntrackTuple { Source = source, Destination = destination, Protocol = 6, SourcePort = (ushort)(1000 + host), DestinationPort = 80 },
            Reply = new ConntrackTuple { Source = destination, Destination = source, Protocol = 6, SourcePort = 80, DestinationPort = (ushort)(1000 + host) },
            Status = ConntrackStatus.SeenReply | ConntrackStatus.Assured | ConntrackStatus.Confirmed,
            Timeout = 100,
            Mark = 7,
            TcpState = 3,
        };
    }
}
