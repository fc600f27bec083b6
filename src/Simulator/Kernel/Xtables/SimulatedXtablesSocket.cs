using System.Buffers.Binary;
using System.Text;
using EucaNet.Netfilter;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Compat;

namespace EucaNet.Simulator.Kernel.Xtables;

/// <summary>A raw socket of the simulated kernel, of which only the options of xtables exist (do_ipt_get_ctl, do_ipt_set_ctl).</summary>
internal sealed class SimulatedXtablesSocket(XtablesSubsystem subsystem, XtablesLayout layout) : IXtablesSocket
{
    private const int MaximumTableSize = 512 << 20;

    private bool _isClosed;

    /// <inheritdoc />
    public int GetOption(int option, Span<byte> value)
    {
        using Time.SimulationQueue.Call call = Enter();
        LinuxError error = option switch
        {
            XtablesLayout.GetInfo => GetInfo(value),
            XtablesLayout.GetEntries => GetEntries(value),
            _ when option == layout.GetRevisionMatch => GetRevision(value, isTarget: false),
            _ when option == layout.GetRevisionTarget => GetRevision(value, isTarget: true),
            XtablesLayout.IpSet when layout.Family == Nfnetlink.NFPROTO_IPV4 => Ipset.IpSetOptions.Answer(subsystem.Kernel.IpSets, value),
            _ => LinuxError.ENOPROTOOPT,
        };
        return error == LinuxError.None ? value.Length : throw new KernelException($"read xtables option {option}", error);
    }

    /// <inheritdoc />
    public void SetOption(int option, ReadOnlySpan<byte> value) => Set(option, value, default);

    /// <inheritdoc />
    public void SetOption(int option, Span<byte> value, int pointer, Span<byte> memory) =>
        Set(option, value, pointer == XtablesLayout.ReplacePointer ? memory : default);

    /// <inheritdoc />
    public void Dispose() => _isClosed = true;

    private Time.SimulationQueue.Call Enter()
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        return subsystem.Kernel.Enter();
    }

    private void Set(int option, ReadOnlySpan<byte> value, Span<byte> oldCounters)
    {
        using Time.SimulationQueue.Call call = Enter();
        LinuxError error = option switch
        {
            XtablesLayout.SetReplace => Replace(value, oldCounters),
            XtablesLayout.SetAddCounters => AddCounters(value),
            _ => LinuxError.ENOPROTOOPT,
        };
        if (error != LinuxError.None)
        {
            throw new KernelException($"set xtables option {option}", error);
        }
    }

    private LinuxError GetInfo(Span<byte> value)
    {
        if (value.Length != XtablesLayout.InfoSize)
        {
            return LinuxError.EINVAL;
        }

        if (subsystem.Find(layout, TableTranslation.TableName(value)) is not { } table)
        {
            return LinuxError.ENOENT;
        }

        value[XtablesLayout.NameSize..].Clear();
        value[TableTranslation.TableName(value).Length..XtablesLayout.NameSize].Clear();
        Put(value, 32, table.Kind.Hooks);
        for (int hook = 0; hook < XtablesLayout.HookCount; hook++)
        {
            Put(value, 36 + (hook * 4), table.Entries.HookEntries[hook]);
            Put(value, 56 + (hook * 4), table.Entries.Underflows[hook]);
        }

        Put(value, 76, (uint)table.Entries.List.Count);
        Put(value, 80, (uint)table.Entries.Blob.Length);
        return LinuxError.None;
    }

    private LinuxError GetEntries(Span<byte> value)
    {
        if (value.Length < XtablesLayout.EntriesHeader)
        {
            return LinuxError.EINVAL;
        }

        uint size = Get(value, 32);
        if (value.Length != XtablesLayout.EntriesHeader + size)
        {
            return LinuxError.EINVAL;
        }

        if (subsystem.Find(layout, TableTranslation.TableName(value)) is not { } table)
        {
            return LinuxError.ENOENT;
        }

        if (table.Entries.Blob.Length != size)
        {
            return LinuxError.EAGAIN;
        }

        table.Entries.CopyTo(value[XtablesLayout.EntriesHeader..]);
        return LinuxError.None;
    }

    private LinuxError GetRevision(Span<byte> value, bool isTarget)
    {
        if (value.Length != XtablesLayout.RevisionSize)
        {
            return LinuxError.EINVAL;
        }

        int end = value[..28].IndexOf((byte)0);
        string name = Encoding.Latin1.GetString(value[..(end < 0 ? 28 : end)]);
        byte revision = value[29];
        if (ExtensionRegistry.BestRevision(name, layout.Family, isTarget) < 0)
        {
            return LinuxError.ENOENT;
        }

        return (isTarget ? ExtensionRegistry.FindTarget(name, revision, layout.Family) : ExtensionRegistry.FindMatch(name, revision, layout.Family)) is null
            ? LinuxError.EPROTONOSUPPORT
            : LinuxError.None;
    }

    private LinuxError Replace(ReadOnlySpan<byte> value, Span<byte> oldCounters)
    {
        if (value.Length < XtablesLayout.ReplaceHeader)
        {
            return LinuxError.EINVAL;
        }

        uint size = Get(value, XtablesLayout.ReplaceSize), counters = Get(value, XtablesLayout.ReplaceCounters);
        if (counters >= int.MaxValue / XtablesLayout.CounterSize)
        {
            return LinuxError.ENOMEM;
        }

        if (counters == 0 || value.Length < (long)size + XtablesLayout.ReplaceHeader)
        {
            return LinuxError.EINVAL;
        }

        if (size >= MaximumTableSize)
        {
            return LinuxError.ENOMEM;
        }

        LinuxError error = new TableTranslation(layout, value[..(XtablesLayout.ReplaceHeader + (int)size)], subsystem.Kernel.IpSets).Run(out XtablesEntries? entries);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (subsystem.Find(layout, TableTranslation.TableName(value)) is not { } table)
        {
            return LinuxError.ENOENT;
        }

        if (Get(value, XtablesLayout.ReplaceHooks) != table.Kind.Hooks)
        {
            return LinuxError.EINVAL;
        }

        if (counters != table.Entries.List.Count)
        {
            return LinuxError.EAGAIN;
        }

        XtablesEntries old = table.Entries;
        subsystem.Replace(layout.Family, table, entries!);
        old.CopyCountersTo(oldCounters);
        return LinuxError.None;
    }

    private LinuxError AddCounters(ReadOnlySpan<byte> value)
    {
        if (value.Length < XtablesLayout.CountersHeader)
        {
            return LinuxError.EINVAL;
        }

        uint number = Get(value, 32);
        if (value.Length != XtablesLayout.CountersHeader + ((long)number * XtablesLayout.CounterSize))
        {
            return LinuxError.EINVAL;
        }

        if (subsystem.Find(layout, TableTranslation.TableName(value)) is not { } table)
        {
            return LinuxError.ENOENT;
        }

        if (table.Entries.List.Count != number)
        {
            return LinuxError.EINVAL;
        }

        for (int index = 0; index < number; index++)
        {
            ReadOnlySpan<byte> counter = value.Slice(XtablesLayout.CountersHeader + (index * XtablesLayout.CounterSize), XtablesLayout.CounterSize);
            table.Entries.List[index].Packets += BinaryPrimitives.ReadUInt64LittleEndian(counter);
            table.Entries.List[index].Bytes += BinaryPrimitives.ReadUInt64LittleEndian(counter[8..]);
        }

        return LinuxError.None;
    }

    private static uint Get(ReadOnlySpan<byte> data, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(data[offset..]);

    private static void Put(Span<byte> data, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(data[offset..], value);
}
