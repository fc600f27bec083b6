using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Tests.Wire;

/// <summary>Buffers on loan: used again, one owner at a time, and in debug builds missed where one does not come back.</summary>
public sealed class NetlinkBufferPoolTests
{
    [Test]
    public void A_buffer_that_was_given_back_comes_again_and_is_empty()
    {
        using var pool = new NetlinkBufferPool();
        NetlinkBuffer first;
        using (NetlinkBufferPool.Lease lease = pool.Rent("one"))
        {
            first = lease.Buffer;
            Fill(first, 100);
        }

        using NetlinkBufferPool.Lease again = pool.Rent("two");
        Assert.That(again.Buffer, Is.SameAs(first));
        Assert.That(again.Buffer.Length, Is.Zero);
    }

    [Test]
    public void Two_owners_at_a_time_have_two_buffers()
    {
        using var pool = new NetlinkBufferPool();
        using NetlinkBufferPool.Lease one = pool.Rent("one");
        using NetlinkBufferPool.Lease two = pool.Rent("two");
        Assert.That(two.Buffer, Is.Not.SameAs(one.Buffer));
    }

    [Test]
    public void A_buffer_that_grew_beyond_a_mebibyte_is_not_kept()
    {
        using var pool = new NetlinkBufferPool();
        NetlinkBuffer large;
        using (NetlinkBufferPool.Lease lease = pool.Rent("a very large batch"))
        {
            large = lease.Buffer;
            Fill(large, 1024 * 1024 + 1);
        }

        using NetlinkBufferPool.Lease next = pool.Rent("one request");
        Assert.That(next.Buffer, Is.Not.SameAs(large));
    }

#if DEBUG
    [Test]
    public void The_pools_end_names_each_buffer_that_was_not_given_back_by_its_purpose()
    {
        var pool = new NetlinkBufferPool();
        pool.Rent("a dump").Dispose();
        NetlinkBufferPool.Lease kept = pool.Rent("one request");
        pool.Rent("get");
        InvalidOperationException failure = Assert.Throws<InvalidOperationException>(pool.Dispose)!;
        Assert.That(failure.Message, Does.Contain("one request").And.Contain("get").And.Not.Contain("a dump"));
        kept.Dispose();
        failure = Assert.Throws<InvalidOperationException>(pool.Dispose)!;
        Assert.That(failure.Message, Does.Not.Contain("one request"));
    }

    [Test]
    public void A_buffer_given_back_twice_is_an_error()
    {
        var pool = new NetlinkBufferPool();
        NetlinkBufferPool.Lease lease = pool.Rent("one request");
        lease.Dispose();
        Assert.That(lease.Dispose, Throws.InvalidOperationException.With.Message.Contains("twice"));
    }
#endif

    private static void Fill(NetlinkBuffer buffer, int bytes)
    {
        var writer = new NetlinkWriter(buffer);
        WireMark mark = writer.BeginMessage(16, 0, 1);
        writer.Append(new byte[bytes]);
        writer.EndMessage(mark);
        writer.Complete();
    }
}
