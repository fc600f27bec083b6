using System.Buffers.Binary;
using System.Net;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>
/// Makes expressions, one method for each. What they make is written with the attributes and the order nft uses. Values of packet fields are in network
/// byte order; those of meta and ct keys mostly in the host's (<see cref="OctetString.FromUInt32"/>, <see cref="OctetString.FromUInt32BigEndian"/>).
/// Registers 1 to 4 hold sixteen bytes each; 8 to 23 are the same memory four bytes at a time.
/// </summary>
public static class Expr
{
    /// <summary>Loads <paramref name="length"/> bytes of the packet.</summary>
    public static PayloadExpression Payload(PayloadBase @base, uint offset, uint length, uint register = 1) =>
        new() { DestinationRegister = register, Base = @base, Offset = offset, Length = length };

    /// <summary>Writes a register into the packet; <paramref name="checksum"/> and its offset say which checksum to mend.</summary>
    public static PayloadExpression WritePayload(
        PayloadBase @base, uint offset, uint length, uint register = 1, PayloadChecksum? checksum = null, uint? checksumOffset = null, uint? checksumFlags = null) => new()
        {
            SourceRegister = register,
            Base = @base,
            Offset = offset,
            Length = length,
            ChecksumKind = checksum,
            ChecksumOffset = checksumOffset,
            ChecksumFlags = checksumFlags,
        };

    /// <summary>Loads a key of the packet's meta data.</summary>
    public static MetaExpression Meta(MetaKey key, uint register = 1) => new() { Key = key, DestinationRegister = register };

    /// <summary>Sets a key of the packet's meta data from a register.</summary>
    public static MetaExpression SetMeta(MetaKey key, uint register = 1) => new() { Key = key, SourceRegister = register };

    /// <summary>Loads what connection tracking knows.</summary>
    public static ConntrackExpression Conntrack(ConntrackKey key, uint register = 1, ConntrackDirection? direction = null) =>
        new() { Key = key, DestinationRegister = register, Direction = direction };

    /// <summary>Sets a key of the flow from a register.</summary>
    public static ConntrackExpression SetConntrack(ConntrackKey key, uint register = 1, ConntrackDirection? direction = null) =>
        new() { Key = key, SourceRegister = register, Direction = direction };

    /// <summary>Loads what the packet's route says.</summary>
    public static RoutingExpression Routing(RoutingKey key, uint register = 1) => new() { Key = key, DestinationRegister = register };

    /// <summary>Loads what the packet's socket says; <paramref name="level"/> is the depth of a control group and 0 otherwise.</summary>
    public static SocketExpression Socket(SocketKey key, uint register = 1, uint level = 0) => new() { Key = key, DestinationRegister = register, Level = level };

    /// <summary>Asks the routing table.</summary>
    public static FibExpression Fib(FibResult result, FibFlags flags, uint register = 1) => new() { Result = result, Flags = flags, DestinationRegister = register };

    /// <summary>Loads what the packet's IPsec state says.</summary>
    public static XfrmExpression Xfrm(XfrmKey key, XfrmDirection direction, uint policyNumber = 0, uint register = 1) =>
        new() { Key = key, Direction = direction, PolicyNumber = policyNumber, DestinationRegister = register };

    /// <summary>Loads what the packet's tunnel says.</summary>
    public static TunnelExpression Tunnel(TunnelKey key, uint register = 1) => new() { Key = key, DestinationRegister = register };

    /// <summary>Guesses the sender's operating system.</summary>
    public static OsFingerprintExpression OsFingerprint(byte timeToLive = 0, uint flags = 0, uint register = 1) =>
        new() { DestinationRegister = register, TimeToLive = timeToLive, Flags = flags == 0 ? null : flags };

    /// <summary>Loads from an extension header, option or chunk; with <paramref name="present"/> only whether it is there.</summary>
    public static ExtensionHeaderExpression ExtensionHeader(ExtensionHeaderKind kind, byte type, uint offset, uint length, bool present = false, uint register = 1) => new()
    {
        Kind = kind,
        Type = type,
        Offset = offset,
        Length = length,
        Flags = present ? NfTables.NFT_EXTHDR_F_PRESENT : 0,
        DestinationRegister = register,
    };

    /// <summary>Writes a register into an option.</summary>
    public static ExtensionHeaderExpression WriteExtensionHeader(ExtensionHeaderKind kind, byte type, uint offset, uint length, uint register = 1) =>
        new() { Kind = kind, Type = type, Offset = offset, Length = length, Flags = 0, SourceRegister = register };

    /// <summary>Replaces a TCP option by no-operations.</summary>
    public static ExtensionHeaderExpression RemoveTcpOption(byte type) => new() { Kind = ExtensionHeaderKind.TcpOption, Type = type };

    /// <summary>Loads a number below <paramref name="modulus"/>, counted or random.</summary>
    public static NumberGeneratorExpression Number(NumberGeneratorKind kind, uint modulus, uint offset = 0, uint register = 1) =>
        new() { DestinationRegister = register, Modulus = modulus, Kind = kind, Offset = offset };

    /// <summary>Loads a hash of <paramref name="length"/> bytes from <paramref name="source"/> on.</summary>
    public static HashExpression Hash(uint source, uint length, uint modulus, uint? seed = null, uint offset = 0, uint register = 1) => new()
    {
        SourceRegister = source,
        DestinationRegister = register,
        Length = length,
        Modulus = modulus,
        Seed = seed,
        Offset = offset,
        Kind = HashKind.Jenkins,
    };

    /// <summary>Loads a hash of the flow that is the same for both directions.</summary>
    public static HashExpression SymmetricHash(uint modulus, uint offset = 0, uint register = 1) =>
        new() { DestinationRegister = register, Modulus = modulus, Offset = offset, Kind = HashKind.Symmetric };

    /// <summary>Goes on where a register equals a value.</summary>
    public static CompareExpression Equal(OctetString value, uint register = 1) => Compare(CompareOperator.Equal, value, register);

    /// <summary>Goes on where a register differs from a value.</summary>
    public static CompareExpression NotEqual(OctetString value, uint register = 1) => Compare(CompareOperator.NotEqual, value, register);

    /// <summary>Compares a register with a value.</summary>
    public static CompareExpression Compare(CompareOperator @operator, OctetString value, uint register = 1) =>
        new() { SourceRegister = register, Operator = @operator, Value = value };

    /// <summary>Goes on where a register lies in a range, both ends included, or outside of it.</summary>
    public static RangeExpression Range(OctetString from, OctetString to, RangeOperator @operator = RangeOperator.Equal, uint register = 1) =>
        new() { SourceRegister = register, Operator = @operator, From = from, To = to };

    /// <summary>Keeps the bits of <paramref name="mask"/> and flips those of <paramref name="xor"/>, which is zero where not given.</summary>
    public static BitwiseExpression Mask(OctetString mask, OctetString? xor = null, uint source = 1, uint destination = 1) => new()
    {
        SourceRegister = source,
        DestinationRegister = destination,
        Operation = BitwiseOperation.MaskAndXor,
        Length = (uint)mask.Length,
        Mask = mask,
        Xor = xor ?? new OctetString(new byte[mask.Length]),
    };

    /// <summary>Shifts a register left or right by bits.</summary>
    public static BitwiseExpression Shift(BitwiseOperation direction, uint bits, uint length, uint source = 1, uint destination = 1) => new()
    {
        SourceRegister = source,
        DestinationRegister = destination,
        Operation = direction,
        Length = length,
        Data = OctetString.FromUInt32(bits),
    };

    /// <summary>Converts numbers of <paramref name="size"/> bytes between network and host order.</summary>
    public static ByteOrderExpression ByteOrder(ByteOrderOperation operation, uint length, uint size, uint source = 1, uint destination = 1) =>
        new() { SourceRegister = source, DestinationRegister = destination, Operation = operation, Length = length, Size = size };

    /// <summary>Goes on where a register's value is in a set, or is not.</summary>
    public static LookupExpression Lookup(string set, uint register = 1, bool inverted = false, uint? setId = null) =>
        new() { SetName = set, SourceRegister = register, Flags = inverted ? NfTables.NFT_LOOKUP_F_INV : null, SetId = setId };

    /// <summary>Maps a register's value to another register; register 0 takes the verdict of a verdict map.</summary>
    public static LookupExpression Map(string map, uint destination, uint register = 1, uint? setId = null) =>
        new() { SetName = map, SourceRegister = register, DestinationRegister = destination, SetId = setId };

    /// <summary>Takes a verdict from a map.</summary>
    public static LookupExpression VerdictMap(string map, uint register = 1, uint? setId = null) => Map(map, NfTables.NFT_REG_VERDICT, register, setId);

    /// <summary>Adds, updates or deletes an element of a set.</summary>
    public static DynamicSetExpression DynamicSet(
        DynamicSetOperation operation, string set, uint keyRegister = 1, uint? dataRegister = null, ulong? timeout = null, uint? setId = null, Expression? statement = null) => new()
        {
            Operation = operation,
            SetName = set,
            SetId = setId,
            KeyRegister = keyRegister,
            DataRegister = dataRegister,
            Timeout = timeout,
            Statement = statement,
        };

    /// <summary>Puts a value into a register.</summary>
    public static ImmediateExpression Immediate(OctetString value, uint register = 1) => new() { DestinationRegister = register, Value = value };

    /// <summary>Decides.</summary>
    public static ImmediateExpression Verdict(Verdict verdict) => new() { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = verdict };

    /// <summary>Lets the packet go on to the next hook.</summary>
    public static ImmediateExpression Accept() => Verdict(Nftables.Verdict.Accept);

    /// <summary>Drops the packet.</summary>
    public static ImmediateExpression Drop() => Verdict(Nftables.Verdict.Drop);

    /// <summary>Goes back to the chain that jumped here.</summary>
    public static ImmediateExpression Return() => Verdict(Nftables.Verdict.Return);

    /// <summary>Goes through a chain and comes back.</summary>
    public static ImmediateExpression Jump(string chain) => Verdict(Nftables.Verdict.Jump(chain));

    /// <summary>Goes to a chain for good.</summary>
    public static ImmediateExpression Goto(string chain) => Verdict(Nftables.Verdict.Goto(chain));

    /// <summary>Counts packets and bytes.</summary>
    public static CounterExpression Counter(ulong? packets = null, ulong? bytes = null) => new() { Packets = packets, Bytes = bytes };

    /// <summary>Remembers when it was last reached.</summary>
    public static LastExpression Last() => new();

    /// <summary>Matches up to <paramref name="rate"/> packets a unit of so many seconds, or from then on.</summary>
    public static LimitExpression Limit(ulong rate, ulong unitSeconds, uint burst = 5, bool over = false) =>
        new() { Rate = rate, Unit = unitSeconds, Burst = burst, Kind = LimitKind.Packets, Flags = over ? NfTables.NFT_LIMIT_F_INV : 0 };

    /// <summary>Matches up to <paramref name="rate"/> bytes a unit of so many seconds, or from then on. Without a burst the kernel takes none.</summary>
    public static LimitExpression ByteLimit(ulong rate, ulong unitSeconds, uint? burst = null, bool over = false) =>
        new() { Rate = rate, Unit = unitSeconds, Burst = burst, Kind = LimitKind.Bytes, Flags = over ? NfTables.NFT_LIMIT_F_INV : 0 };

    /// <summary>Matches up to a number of connections, or above it.</summary>
    public static ConnectionLimitExpression ConnectionLimit(uint count, bool over = false) => new() { Count = count, Flags = over ? NfTables.NFT_CONNLIMIT_F_INV : 0 };

    /// <summary>Matches until a number of bytes is used up, or from then on.</summary>
    public static QuotaExpression Quota(ulong bytes, bool over = false, ulong consumed = 0) =>
        new() { Bytes = bytes, Consumed = consumed, Flags = over ? QuotaFlags.Over : QuotaFlags.None };

    /// <summary>Logs to the kernel's log.</summary>
    public static LogExpression Log(string? prefix = null, uint? level = null, LogFlags? flags = null) => new() { Prefix = prefix, Level = level, Flags = flags };

    /// <summary>Logs to a netlink group.</summary>
    public static LogExpression LogToGroup(ushort group, string? prefix = null, uint? snapLength = null, ushort? queueThreshold = null) =>
        new() { Group = group, Prefix = prefix, SnapLength = snapLength, QueueThreshold = queueThreshold };

    /// <summary>Drops the packet and answers.</summary>
    public static RejectExpression Reject(RejectKind kind, byte icmpCode = 0) => new() { Kind = kind, IcmpCode = icmpCode };

    /// <summary>Hands the packet to a program on one of <paramref name="total"/> queues.</summary>
    public static QueueExpression Queue(ushort number, ushort total = 1, QueueFlags flags = QueueFlags.None) => new() { Number = number, Total = total, Flags = flags == QueueFlags.None ? null : flags };

    /// <summary>Hands the packet to a program on the queue a register names.</summary>
    public static QueueExpression QueueFrom(uint register, QueueFlags flags = QueueFlags.None) => new() { NumberRegister = register, Flags = flags == QueueFlags.None ? null : flags };

    /// <summary>Rewrites source or destination to addresses and ports in registers.</summary>
    public static NatExpression Nat(NatKind kind, uint family, uint? address = null, uint? lastAddress = null, uint? port = null, uint? lastPort = null, NatFlags? flags = null) => new()
    {
        Kind = kind,
        Family = family,
        AddressRegister = address,
        LastAddressRegister = lastAddress,
        PortRegister = port,
        LastPortRegister = lastPort,
        Flags = flags,
    };

    /// <summary>Rewrites the source to the outgoing interface's address.</summary>
    public static MasqueradeExpression Masquerade(NatFlags? flags = null, uint? port = null, uint? lastPort = null) => new() { Flags = flags, PortRegister = port, LastPortRegister = lastPort };

    /// <summary>Rewrites the destination to this machine.</summary>
    public static RedirectExpression Redirect(uint? port = null, uint? lastPort = null, NatFlags? flags = null) => new() { PortRegister = port, LastPortRegister = lastPort, Flags = flags };

    /// <summary>Hands the packet to a local socket.</summary>
    public static TransparentProxyExpression TransparentProxy(uint family, uint? address = null, uint? port = null) =>
        new() { Family = family, AddressRegister = address, PortRegister = port };

    /// <summary>Sends a copy elsewhere.</summary>
    public static DuplicateExpression Duplicate(uint? address = null, uint? device = null) => new() { AddressRegister = address, DeviceRegister = device };

    /// <summary>Sends the packet out of another interface.</summary>
    public static ForwardExpression Forward(uint device, uint? address = null, uint? family = null) => new() { DeviceRegister = device, AddressRegister = address, Family = family };

    /// <summary>Applies a named object (NFT_OBJECT_*).</summary>
    public static ObjectReferenceExpression Object(uint type, string name) => new() { ObjectType = type, ObjectName = name };

    /// <summary>Applies the object that a map leads to.</summary>
    public static ObjectReferenceExpression ObjectMap(string map, uint register = 1, uint? setId = null) => new() { SourceRegister = register, SetName = map, SetId = setId };

    /// <summary>Answers SYNs in the server's place.</summary>
    public static SynproxyExpression Synproxy(ushort maximumSegmentSize, byte windowScale, SynproxyFlags flags) =>
        new() { MaximumSegmentSize = maximumSegmentSize, WindowScale = windowScale, Flags = flags };

    /// <summary>Puts the flow into a flowtable.</summary>
    public static FlowOffloadExpression FlowOffload(string flowtable) => new() { FlowtableName = flowtable };

    /// <summary>Keeps the packet away from connection tracking.</summary>
    public static NoTrackExpression NoTrack() => new();

    /// <summary>A number of two bytes in network byte order (ports).</summary>
    public static OctetString Port(ushort port) => OctetString.FromUInt16BigEndian(port);

    /// <summary>An address's bytes.</summary>
    public static OctetString Address(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new OctetString(address.GetAddressBytes());
    }

    /// <summary>The mask of a prefix's length in an address of <paramref name="bytes"/> bytes.</summary>
    public static OctetString PrefixMask(int length, int bytes = 4)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, bytes * 8);
        byte[] mask = new byte[bytes];
        for (int i = 0; i < length; i++)
        {
            mask[i / 8] |= (byte)(0x80 >> (i % 8));
        }

        return new OctetString(mask);
    }

    /// <summary>An interface's name as meta compares it: sixteen bytes, the rest zero; the beginning of a name ends in *.</summary>
    public static OctetString InterfaceName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(name.TrimEnd('*'));
        return new OctetString(name.EndsWith('*') ? bytes : [.. bytes, .. new byte[Math.Max(16 - bytes.Length, 0)]]);
    }

    /// <summary>A number of four bytes in network byte order.</summary>
    public static OctetString Number(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return new OctetString(bytes);
    }
}
