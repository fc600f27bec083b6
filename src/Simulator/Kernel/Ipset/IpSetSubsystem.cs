using EucaNet.Netfilter;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Netfilter;
using EucaNet.Simulator.Kernel.Nftables;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Simulator.Kernel.Ipset.IpSetAttributes;

namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>The kernel's sets and the messages of ipset (ip_set_core.c).</summary>
internal sealed class IpSetSubsystem(SimulatedKernel kernel)
{
    private const byte AskVersion = 1, Create = 2, Destroy = 3, Flush = 4, Rename = 5, Swap = 6, List = 7, Save = 8, AddElements = 9, DeleteElements = 10,
        Test = 11, Header = 12, TypeOf = 13, ByName = 14, ByIndex = 15;

    public const byte ProtocolVersion = 7, OldestProtocolVersion = 6;

    private const int ElementsOfMessage = 256;

    private readonly SortedDictionary<ushort, IpSet> _sets = [];

    private DateTimeOffset Now => kernel.Time.GetUtcNow();

    /// <summary>The set of this number.</summary>
    public IpSet? Find(ushort index) => _sets.GetValueOrDefault(index);

    /// <summary>The set of this name.</summary>
    public IpSet? Find(string name) => _sets.Values.FirstOrDefault(set => set.Name == name);

    /// <summary>Handles one message; EINTR says that it was answered.</summary>
    public LinuxError Handle(NetfilterMessage message)
    {
        LinuxError error = message.Parse(CommandPolicy, out ParsedAttributes table, message.Acknowledgement);
        byte verb = (byte)message.Header.Type;
        if (error != LinuxError.None)
        {
            return error;
        }

        if (verb is 0 or > ByIndex)
        {
            return LinuxError.EINVAL;
        }

        if (!table.Has(IpSetAttributes.Version))
        {
            return IpSetError.Protocol;
        }

        return verb switch
        {
            AskVersion => AnswerVersion(message),
            Create => OnCreate(message, table),
            Destroy or Flush => ForOneOrAll(table, verb == Destroy ? DestroyAll : FlushAll),
            Rename or Swap => OnNames(table, verb == Swap),
            List or Save => OnList(message, table),
            AddElements or DeleteElements => OnElements(message, table, verb == AddElements),
            Test => OnTest(table),
            Header => Named(table, set => Answer(message, (ref NetlinkWriter writer) => IpSetMessageWriter.WriteHeader(ref writer, set))),
            TypeOf => AnswerType(message, table),
            ByName => Named(table, set => Answer(message, (ref NetlinkWriter writer) =>
            {
                WriteByte(ref writer, IpSetAttributes.Version, ProtocolVersion);
                WriteByte(ref writer, Family, set.Family);
                WriteShort(ref writer, IpSetAttributes.Index, set.Index);
            })),
            _ => AnswerName(message, table),
        };
    }

    /// <summary>Adds an element or renews it; the error of one that is there already.</summary>
    /// <param name="set">The set.</param>
    /// <param name="key">The element.</param>
    /// <param name="element">Comment, counters and flags of it.</param>
    /// <param name="timeout">Seconds it stays; null for the set's default.</param>
    /// <param name="exist">It may be there already.</param>
    public LinuxError Add(IpSet set, IpSetKey key, IpSetElement element, uint? timeout, bool exist)
    {
        set.Expire(Now);
        if (set.Elements.ContainsKey(key))
        {
            if (!exist)
            {
                return IpSetError.Exists;
            }
        }
        else if (set.Type.Storage != IpSetStorage.Bitmap && set.Elements.Count >= set.MaximumElements)
        {
            return set.Type.Storage == IpSetStorage.List ? IpSetError.ListFull : IpSetError.HashFull;
        }
        else
        {
            HoldMember(key, 1);
        }

        uint stays = timeout ?? set.Timeout ?? 0;
        element.Expires = set.Timeout is null || stays == 0 ? null : Now + TimeSpan.FromSeconds(stays);
        set.Elements[key] = element;
        return LinuxError.None;
    }

    private static LinuxError Answer(NetfilterMessage message, NftMessage.Filler fill)
    {
        message.Socket.Deliver(NftMessage.Make(
            NFNL_SUBSYS_IPSET, (byte)message.Header.Type, 0, message.Header.Sequence, message.Socket.PortId, NFPROTO_IPV4, 0, fill));
        return LinuxError.None;
    }

    private LinuxError Named(ParsedAttributes table, Func<IpSet, LinuxError> act) =>
        !table.Has(Name) ? IpSetError.Protocol : Find(table[Name].Name) is { } set ? act(set) : LinuxError.ENOENT;

    private static LinuxError AnswerVersion(NetfilterMessage message) => Answer(message, (ref NetlinkWriter writer) =>
    {
        WriteByte(ref writer, IpSetAttributes.Version, ProtocolVersion);
        WriteByte(ref writer, MinimumVersion, OldestProtocolVersion);
    });

    private LinuxError AnswerType(NetfilterMessage message, ParsedAttributes table)
    {
        if (!table.Has(TypeName) || !table.Has(Family))
        {
            return IpSetError.Protocol;
        }

        if (IpSetType.Find(kernel.Profile, table[TypeName].Name, table[Family].Byte) is not { } type)
        {
            return IpSetError.NoType;
        }

        byte family = table[Family].Byte;
        return Answer(message, (ref NetlinkWriter writer) =>
        {
            WriteByte(ref writer, IpSetAttributes.Version, ProtocolVersion);
            NftMessage.WriteName(ref writer, TypeName, type.Name);
            WriteByte(ref writer, Family, family);
            WriteByte(ref writer, Revision, type.Revision);
            WriteByte(ref writer, MinimumVersion, 0);
        });
    }

    private LinuxError AnswerName(NetfilterMessage message, ParsedAttributes table)
    {
        if (!table.Has(IpSetAttributes.Index))
        {
            return IpSetError.Protocol;
        }

        return Find(table[IpSetAttributes.Index].UInt16BigEndian) is { } set
            ? Answer(message, (ref NetlinkWriter writer) => IpSetMessageWriter.WriteName(ref writer, set))
            : LinuxError.ENOENT;
    }

    private LinuxError OnCreate(NetfilterMessage message, ParsedAttributes table)
    {
        if (!table.Has(Name) || !table.Has(TypeName) || !table.Has(Revision) || !table.Has(Family) || !table.Has(Data))
        {
            return IpSetError.Protocol;
        }

        byte family = table[Family].Byte;
        string name = table[Name].Name;
        if (IpSetType.Find(kernel.Profile, table[TypeName].Name, family) is not { } type || table[Revision].Byte > type.Revision)
        {
            return IpSetError.NoType;
        }

        LinuxError error = IpSetCreation.Read(type, table[Revision].Byte, family, name, FreeIndex(), table[Data], out IpSet? made);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (Find(name) is { } present)
        {
            bool exist = (message.Header.Flags & NetlinkMessageFlags.Exclusive) == 0;
            return exist && present.Type == type && present.Family == made!.Family && present.Timeout is null == made.Timeout is null ? LinuxError.None : LinuxError.EEXIST;
        }

        _sets.Add(made!.Index, made);
        return LinuxError.None;
    }

    private ushort FreeIndex()
    {
        ushort index = 0;
        while (_sets.ContainsKey(index))
        {
            index++;
        }

        return index;
    }

    private LinuxError ForOneOrAll(ParsedAttributes table, Func<IReadOnlyList<IpSet>, LinuxError> act) =>
        table.Has(Name) ? Named(table, set => act([set])) : act([.. _sets.Values]);

    private LinuxError DestroyAll(IReadOnlyList<IpSet> sets)
    {
        // Members of lists that go with them are let go first, so only a rule holds on.
        bool isAll = sets.Count == _sets.Count && sets.Count > 1;
        if (sets.Any(set => set.References > (isAll ? _sets.Values.Sum(list => list.Elements.Keys.Count(key => key.Member == set.Index)) : 0)))
        {
            return IpSetError.Busy;
        }

        foreach (IpSet set in sets)
        {
            Clear(set);
        }

        foreach (IpSet set in sets)
        {
            _sets.Remove(set.Index);
        }

        return LinuxError.None;
    }

    private LinuxError FlushAll(IReadOnlyList<IpSet> sets)
    {
        foreach (IpSet set in sets)
        {
            Clear(set);
        }

        return LinuxError.None;
    }

    private void Clear(IpSet set)
    {
        foreach (IpSetKey key in set.Elements.Keys)
        {
            HoldMember(key, -1);
        }

        set.Elements.Clear();
    }

    private void HoldMember(IpSetKey key, int change)
    {
        if (key.Member is { } index && Find(index) is { } member)
        {
            member.References += change;
        }
    }

    private LinuxError OnNames(ParsedAttributes table, bool swaps)
    {
        if (!table.Has(Name) || !table.Has(SecondName))
        {
            return IpSetError.Protocol;
        }

        if (Find(table[Name].Name) is not { } set)
        {
            return LinuxError.ENOENT;
        }

        string name = table[SecondName].Name;
        IpSet? other = Find(name);
        if (!swaps)
        {
            if (set.References > 0)
            {
                return IpSetError.Referenced;
            }

            if (other is not null)
            {
                return IpSetError.SecondName;
            }

            set.Name = name;
            return LinuxError.None;
        }

        if (other is null)
        {
            return IpSetError.SecondName;
        }

        if (set.Family != other.Family || !set.Type.Parts.SequenceEqual(other.Type.Parts))
        {
            return IpSetError.TypeMismatch;
        }

        // What names and rules point at changes places: the contents go with the index, so the indexes are exchanged.
        _sets.Remove(set.Index);
        _sets.Remove(other.Index);
        (IpSet first, IpSet second) = (set.WithPlaceOf(other), other.WithPlaceOf(set));
        foreach (IpSet moved in (IpSet[])[first, second])
        {
            _sets.Add(moved.Index, moved);
        }

        return LinuxError.None;
    }

    private LinuxError OnElements(NetfilterMessage message, ParsedAttributes table, bool adds)
    {
        bool exist = (message.Header.Flags & NetlinkMessageFlags.Exclusive) == 0;
        if (!table.Has(Name) || table.Has(Data) == table.Has(Many))
        {
            return IpSetError.Protocol;
        }

        if (Find(table[Name].Name) is not { } set)
        {
            return LinuxError.ENOENT;
        }

        foreach (KernelAttribute data in table.Has(Data) ? [table[Data]] : table[Many].Children())
        {
            LinuxError error = Change(set, data, adds, exist);
            if (error != LinuxError.None)
            {
                return error;
            }
        }

        return LinuxError.None;
    }

    private LinuxError Change(IpSet set, KernelAttribute data, bool adds, bool exist)
    {
        if (data.Parse(DataPolicy, out ParsedAttributes table) != LinuxError.None)
        {
            return IpSetError.Protocol;
        }

        LinuxError error = table.Has(Lifetime) && set.Timeout is null ? IpSetError.NoTimeout
            : (table.Has(IpSetAttributes.Bytes) || table.Has(Packets)) && (set.Flags & IpSet.WithCounters) == 0 ? IpSetError.NoCounters
            : table.Has(Comment) && (set.Flags & IpSet.WithComments) == 0 ? IpSetError.NoComments
            : LinuxError.None;
        if (error != LinuxError.None)
        {
            return error;
        }

        error = IpSetElementReader.Read(set, table, Find, out List<IpSetKey> keys);
        foreach (IpSetKey key in error == LinuxError.None ? keys : [])
        {
            if (adds)
            {
                var element = new IpSetElement
                {
                    Comment = table.Has(Comment) ? table[Comment].Name : null,
                    Bytes = table.Has(IpSetAttributes.Bytes) ? table[IpSetAttributes.Bytes].UInt64BigEndian : 0,
                    Packets = table.Has(Packets) ? table[Packets].UInt64BigEndian : 0,
                    Flags = table.Has(Flags) && set.Type.HasNetworks ? table[Flags].UInt32BigEndian & IpSet.NoMatch : 0,
                };
                error = Add(set, key, element, table.Has(Lifetime) ? table[Lifetime].UInt32BigEndian : null, exist);
            }
            else
            {
                set.Expire(Now);
                if (set.Elements.Remove(key))
                {
                    HoldMember(key, -1);
                }
                else
                {
                    error = exist ? LinuxError.None : IpSetError.Exists;
                }
            }

            if (error != LinuxError.None)
            {
                break;
            }
        }

        return error;
    }

    /// <summary>Any answer but yes is the error of an element that is not there.</summary>
    private LinuxError OnTest(ParsedAttributes table) => !table.Has(Data) ? IpSetError.Protocol : Named(table, set =>
    {
        set.Expire(Now);
        return table[Data].Parse(DataPolicy, out ParsedAttributes data) == LinuxError.None
            && IpSetElementReader.Read(set, data, Find, out List<IpSetKey> keys) == LinuxError.None
            && keys.TrueForAll(key => IpSetMatching.Holds(set, key))
            ? LinuxError.None
            : IpSetError.Exists;
    });

    private LinuxError OnList(NetfilterMessage message, ParsedAttributes table)
    {
        const uint NamesOnly = 2, HeadOnly = 4;
        if (!message.IsDump)
        {
            return LinuxError.EINVAL;
        }

        uint flags = table.Has(CommandFlags) ? table[CommandFlags].UInt32BigEndian : 0;
        IReadOnlyList<IpSet> sets = [.. _sets.Values];
        if (table.Has(Name))
        {
            if (Find(table[Name].Name) is not { } only)
            {
                return LinuxError.ENOENT;
            }

            sets = [only];
        }

        // Lists come last, so that whoever loads a listing finds their members made.
        IEnumerable<IpSet> ordered = sets.OrderBy(set => set.Type.Storage == IpSetStorage.List);
        byte verb = (byte)message.Header.Type;
        message.Socket.StartDump(new NetlinkDump(message.Header, message.Socket.PortId, ordered.SelectMany(set => Listing(set, verb, (flags & NamesOnly) != 0, (flags & HeadOnly) != 0))));
        return LinuxError.EINTR;
    }

    private IEnumerable<byte[]> Listing(IpSet set, byte verb, bool namesOnly, bool headOnly)
    {
        set.Expire(Now);
        KeyValuePair<IpSetKey, IpSetElement>[][] parts = namesOnly || headOnly ? [] : [.. set.Elements.Chunk(ElementsOfMessage)];
        for (int part = 0; part == 0 || part < parts.Length; part++)
        {
            int number = part;
            yield return NftMessage.Make(NFNL_SUBSYS_IPSET, verb, NetlinkMessageFlags.Multi, 0, 0, NFPROTO_IPV4, 0, (ref NetlinkWriter writer) =>
            {
                if (number == 0 && !namesOnly)
                {
                    IpSetMessageWriter.WriteHeader(ref writer, set);
                    IpSetMessageWriter.WriteHead(ref writer, set);
                }
                else
                {
                    IpSetMessageWriter.WriteName(ref writer, set);
                }

                if (!namesOnly && !headOnly)
                {
                    IpSetMessageWriter.WriteElements(ref writer, set, number < parts.Length ? parts[number] : [], Now, index => Find(index)!.Name);
                }
            });
        }
    }
}
