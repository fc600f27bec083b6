using System.Buffers.Binary;
using System.Net.Sockets;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Xtables;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>The socket options of ip_tables: what a replacement is refused for, and what becomes of counters.</summary>
public sealed class XtablesTests
{
    private const int Entry = 152, Entries = 4;

    private SimulatedKernel _kernel = null!;
    private IXtablesSocket _socket = null!;

    [SetUp]
    public void Open()
    {
        _kernel = new SimulatedKernel(new SimulatedKernelOptions());
        _socket = _kernel.OpenXtables(AddressFamily.InterNetwork);
    }

    [TearDown]
    public void Close()
    {
        _socket.Dispose();
        _kernel.Dispose();
    }

    [Test]
    public void A_replacement_of_a_table_with_another_number_of_entries_is_to_be_tried_again()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Refusal(Replacement(Entries + 1)), Is.EqualTo(LinuxError.EAGAIN));
            Assert.That(Refusal(Replacement(0)), Is.EqualTo(LinuxError.EINVAL));
            Assert.That(Refusal(Replacement(Entries)), Is.Null);
        });
    }

    [Test]
    public void The_replaced_entries_counters_come_back_and_the_new_ones_begin_at_zero()
    {
        byte[] counters = new byte[XtablesLayout.CountersHeader + (Entries * 16)];
        "filter"u8.CopyTo(counters);
        counters[32] = Entries;
        counters[XtablesLayout.CountersHeader + 16] = 7;
        counters[XtablesLayout.CountersHeader + 24] = 99;
        _socket.SetOption(XtablesLayout.SetAddCounters, counters);
        byte[] old = new byte[Entries * 16], again = new byte[Entries * 16];
        _socket.SetOption(XtablesLayout.SetReplace, Replacement(Entries), XtablesLayout.ReplacePointer, old);
        _socket.SetOption(XtablesLayout.SetReplace, Replacement(Entries), XtablesLayout.ReplacePointer, again);
        Assert.Multiple(() =>
        {
            Assert.That(old, Is.EqualTo(counters[XtablesLayout.CountersHeader..]));
            Assert.That(again, Is.All.Zero);
        });
    }

    [Test]
    public void A_chain_that_jumps_to_itself_is_a_loop()
    {
        byte[] initial = Replacement(Entries);
        int blob = XtablesLayout.ReplaceHeader;
        byte[] jump = initial[blob..(blob + Entry)];
        BinaryPrimitives.WriteInt32LittleEndian(jump.AsSpan(112 + 32), Entry);
        byte[] replace = [.. initial[..(blob + Entry)], .. jump, .. initial[(blob + Entry)..]];
        replace[XtablesLayout.ReplaceNumber]++;
        BinaryPrimitives.WriteInt32LittleEndian(replace.AsSpan(XtablesLayout.ReplaceSize), replace.Length - blob);
        BinaryPrimitives.WriteInt32LittleEndian(replace.AsSpan(XtablesLayout.ReplaceEntries + 12), 3 * Entry);
        BinaryPrimitives.WriteInt32LittleEndian(replace.AsSpan(XtablesLayout.ReplaceUnderflows + 8), 2 * Entry);
        BinaryPrimitives.WriteInt32LittleEndian(replace.AsSpan(XtablesLayout.ReplaceUnderflows + 12), 3 * Entry);
        Assert.That(Refusal(replace), Is.EqualTo(LinuxError.ELOOP));
    }

    [Test]
    public void A_table_that_the_kernel_does_not_know_is_not_there()
    {
        byte[] info = new byte[XtablesLayout.InfoSize];
        "broute"u8.CopyTo(info);
        Assert.That(() => _socket.GetOption(XtablesLayout.GetInfo, info), Throws.TypeOf<KernelException>().With.Property(nameof(KernelException.Error)).EqualTo(LinuxError.ENOENT));
    }

    [Test]
    public void No_damage_to_a_replacement_does_more_than_have_it_refused([Range(0, 15)] int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 200; round++)
        {
            byte[] replace = Replacement(Entries);
            for (int change = random.Next(1, 5); change > 0; change--)
            {
                replace[random.Next(XtablesLayout.ReplaceNumber, replace.Length)] = (byte)random.Next(256);
            }

            Assert.That(Refusal(replace), Is.Null.Or.EqualTo(LinuxError.EINVAL).Or.EqualTo(LinuxError.ENOENT).Or.EqualTo(LinuxError.ELOOP).Or.EqualTo(LinuxError.EAGAIN).Or.EqualTo(LinuxError.ENOMEM));
        }
    }

    private static byte[] Replacement(int oldEntries)
    {
        byte[] replace = XtablesKind.All[0].Initial(XtablesLayout.Ipv4);
        replace[XtablesLayout.ReplaceCounters] = (byte)oldEntries;
        return replace;
    }

    private LinuxError? Refusal(byte[] replace)
    {
        try
        {
            _socket.SetOption(XtablesLayout.SetReplace, replace);
            return null;
        }
        catch (KernelException exception)
        {
            return exception.Error;
        }
    }
}
