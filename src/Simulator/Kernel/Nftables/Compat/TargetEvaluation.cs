using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Datapath.Nat;
using EucaNet.Simulator.Datapath.Proxy;
using EucaNet.Simulator.Kernel.Ipset;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>Does to a packet what an xtables target's data says.</summary>
internal static class TargetEvaluation
{
    /// <summary>XT_CONTINUE: the next rule is asked.</summary>
    public const int Continue = -1;

    /// <summary>The target looks at connections, so that they are tracked from its rule's coming on; not to track them needs none.</summary>
    public static bool UsesConntrack(string name, ReadOnlySpan<byte> data) => name == "CT" ? (data[0] & 1) == 0 : name is "CONNMARK" or "DNAT" or "SNAT" or "MASQUERADE" or "REDIRECT" or "NETMAP" or "CONNSECMARK" or "SYNPROXY";

    public static int Run(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        Packet packet = context.Packet;
        switch (extension.Name)
        {
            case "MARK":
                packet.Mark = packet.Mark & ~U32(data, 4) ^ U32(data, 0);
                return Continue;
            case "arpreply" or "dnat" or "mark" or "redirect" or "snat":
                return BridgeTargets.Run(extension, data, context);
            case "mangle":
                return ArpMangling.Run(data, packet);
            case "CONNMARK":
                ConnectionMark(extension, data, context);
                return Continue;
            case "CLASSIFY":
                packet.Priority = U32(data, 0);
                return Continue;
            case "LOG" or "NFLOG" or "log" or "nflog":
                int offset = extension.Name switch { "LOG" => 2, "NFLOG" => 12, "log" => 5, _ => 16 };
                packet.Tell(StoryKind.Decision, TraceLevel.Summary, context.Stack.HostName, $"log \"{Text(data[offset..])}\"");
                return Continue;
            case "SET":
                IpSetRules.Apply(extension, data, context);
                return Continue;
            case "TRACE":
                packet.Traced = true;
                return Continue;
            case "CT" or "NOTRACK":
                ChooseTracking(extension, data, context);
                return Continue;
            case "REJECT":
                Reject(data, context);
                return NF_DROP;
            case "DNAT" or "SNAT":
                return packet.Connection is { } connection
                    ? (int)context.Stack.Nat.Setup(connection, RangeOf(extension, data, context.Family), extension.Name == "SNAT" ? NatManipulation.Source : NatManipulation.Destination)
                    : NF_ACCEPT;
            case "MASQUERADE":
                return (int)context.Stack.Nat.Masquerade(context, RangeOf(extension, data, context.Family));
            case "REDIRECT":
                return (int)context.Stack.Nat.Redirect(context, RangeOf(extension, data, context.Family));
            case "NETMAP":
                return MapNetwork(extension, data, context);
            case "NFQUEUE":
                return extension.Revision >= 2 && (U16(data, 4) & 1) != 0 ? NF_ACCEPT : NF_DROP;
            case "TTL" or "HL":
                SetTimeToLive(data, packet);
                return Continue;
            case "TOS":
                SetTypeOfService(packet, keep: (byte)~data[1], flip: data[0]);
                return Continue;
            case "DSCP":
                SetTypeOfService(packet, keep: 3, flip: (byte)(data[0] << 2));
                return Continue;
            case "TEE":
                byte family = context.Family == HookFamily.Ipv6 ? InternetAddress.V6 : InternetAddress.V4;
                context.Stack.Duplicate(context, InternetAddress.Read(family, data), context.Stack.Kernel.Devices.Find(Text(data.Slice(16, 16))));
                return Continue;
            case "TCPMSS":
                return HeaderTargets.SegmentSize(data, context);
            case "TCPOPTSTRIP":
                return HeaderTargets.StripOptions(data, packet);
            case "ECN":
                return HeaderTargets.Congestion(data, packet);
            case "SNPT" or "DNPT":
                return PrefixTranslation.Run(data, context, ofSource: extension.Name == "SNPT");
            case "HMARK":
                HashedMark.Set(data, packet, context.Stack.Kernel.Profile);
                return Continue;
            case "TPROXY":
                // There is no transparent socket: the kernel drops what it finds none for.
                return NF_DROP;
            case "AUDIT" or "CHECKSUM" or "IDLETIMER" or "RATEEST" or "SECMARK" or "CONNSECMARK":
                // They leave the packet as it is; checksums are always whole here.
                return Continue;
            case "SYNPROXY":
                return context.Stack.SynProxy.Take(context, new ProxyTerms((HandshakeOption)data[0], U16(data, 2), data[1]), isExact: true) switch
                {
                    HookVerdict.Stolen => NF_STOLEN,
                    HookVerdict.Drop => NF_DROP,
                    _ => Continue,
                };
            default:
                throw new InvalidOperationException($"Target '{extension.Name}' {extension.Revision} was taken, and cannot be carried out.");
        }
    }

    private static string Text(ReadOnlySpan<byte> data) => Encoding.Latin1.GetString(data.IndexOf((byte)0) is >= 0 and var end ? data[..end] : data);

    /// <summary>Not to be tracked, or in a zone; nothing of a packet that was seen before.</summary>
    private static void ChooseTracking(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        const ushort NoTracking = 1, Original = 4, Reply = 8, ZoneOfMark = 16;
        Packet packet = context.Packet;
        ushort flags = extension.Name == "NOTRACK" ? NoTracking : U16(data, 0);
        if (packet.Connection is not null || packet.Untracked)
        {
            return;
        }

        if ((flags & NoTracking) != 0)
        {
            packet.Untracked = true;
            packet.ConnectionInfo = ConnectionInfo.Untracked;
            return;
        }

        ZoneDirections directions = (flags & (Original | Reply)) switch
        {
            Original => ZoneDirections.Original,
            Reply => ZoneDirections.Reply,
            _ => ZoneDirections.Both,
        };
        packet.Connection = Connection.Template(new ConnectionZone(U16(data, 2), directions), (flags & ZoneOfMark) != 0);
        if (U32(data, 4) != 0 || U32(data, 8) != 0)
        {
            packet.Connection.Told = (ConnectionEvents)(ushort)U32(data, 4);
            packet.Connection.ExpectationsTold = (ExpectationEvents)(byte)U32(data, 8);
        }

        if (data[12] != 0 && packet.LocateTransport())
        {
            packet.Connection.Helper = ConnectionHelper.Find(Text(data.Slice(12, 16)), packet.Family, packet.TransportProtocol);
        }

        packet.ConnectionInfo = ConnectionInfo.New;
    }

    private static void ConnectionMark(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        if (context.Packet.Connection is not { } connection)
        {
            return;
        }

        // The second revision says before the mode how far what is written is shifted, and whether to the right.
        bool shifts = extension.Revision == 2;
        uint Shift(uint mark, byte direction, byte bits) => !shifts ? mark : direction != 0 ? mark >> bits : mark << bits;
        byte right = data[12], bits = data[13];
        uint wanted = U32(data, 0), connectionMask = U32(data, 4), packetMask = U32(data, 8);
        uint old = connection.Mark;
        switch (data[shifts ? 14 : 12])
        {
            case 0:
                connection.Mark = Shift(connection.Mark & ~connectionMask ^ wanted, right, bits);
                break;
            case 1:
                connection.Mark = connection.Mark & ~connectionMask ^ Shift(context.Packet.Mark & packetMask, right, bits);
                break;
            case 2:
                context.Packet.Mark = context.Packet.Mark & ~packetMask ^ Shift(connection.Mark & connectionMask, right, bits);
                break;
        }

        if (connection.Mark != old && !connection.IsTemplate)
        {
            connection.Note(ConnectionEvents.Mark);
        }
    }

    private static void Reject(ReadOnlySpan<byte> data, HookContext context)
    {
        uint with = U32(data, 0);
        bool isV6 = context.Family == HookFamily.Ipv6;
        if (with == (isV6 ? 6u : 7u))
        {
            Rejection.WithReset(context);
        }
        else if (isV6)
        {
            Rejection.WithIcmp(context, with switch { <= 4 => (byte)with, 7 => 5, _ => 6 });
        }
        else
        {
            Rejection.WithIcmp(context, with switch { <= 3 => (byte)with, 5 => 9, 6 => 10, _ => 13 });
        }
    }

    /// <summary>Old IPv4 ranges (rangesize, then flags, addresses, ports), and the newer ones of both families.</summary>
    private static NatRange RangeOf(Extension extension, ReadOnlySpan<byte> data, byte family)
    {
        byte addressFamily = family == HookFamily.Ipv6 ? InternetAddress.V6 : InternetAddress.V4;
        if (extension.Size == 20)
        {
            return new NatRange(
                (NatRangeFlags)U32(data, 4),
                InternetAddress.Read(InternetAddress.V4, data[8..]),
                InternetAddress.Read(InternetAddress.V4, data[12..]),
                BinaryPrimitives.ReadUInt16BigEndian(data[16..]),
                BinaryPrimitives.ReadUInt16BigEndian(data[18..]));
        }

        return new NatRange(
            (NatRangeFlags)U32(data, 0),
            InternetAddress.Read(addressFamily, data[4..]),
            InternetAddress.Read(addressFamily, data[20..]),
            BinaryPrimitives.ReadUInt16BigEndian(data[36..]),
            BinaryPrimitives.ReadUInt16BigEndian(data[38..]),
            extension.Size >= 42 ? BinaryPrimitives.ReadUInt16BigEndian(data[40..]) : (ushort)0);
    }

    private static int MapNetwork(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        if (context.Packet.Connection is not { } connection)
        {
            return NF_ACCEPT;
        }

        NatManipulation manipulation = AddressTranslator.ManipulationAt(context.Hook);
        NatRange range = RangeOf(extension, data, context.Family);
        InternetAddress old = manipulation == NatManipulation.Source ? connection.Original.Source : connection.Original.Destination;
        UInt128 all = InternetAddress.Mask(old.Family, old.Bits), mask = ~(range.MinimumAddress.Value ^ range.MaximumAddress.Value) & all;
        var address = new InternetAddress(old.Family, old.Value & ~mask & all | range.MinimumAddress.Value & mask);
        return (int)context.Stack.Nat.Setup(connection, range with { Flags = range.Flags | NatRangeFlags.MapAddresses, MinimumAddress = address, MaximumAddress = address }, manipulation);
    }

    /// <summary>The octet of DSCP and ECN: the bits that are kept, then those that are flipped.</summary>
    private static void SetTypeOfService(Packet packet, byte keep, byte flip)
    {
        Span<byte> network = packet.Network;
        if (packet.Protocol == EtherType.Ipv6)
        {
            ushort word = BinaryPrimitives.ReadUInt16BigEndian(network), changed = (ushort)(word & 0xf00f | (byte)((byte)(word >> 4) & keep ^ flip) << 4);
            BinaryPrimitives.WriteUInt16BigEndian(network, changed);
            packet.MissSum(changed - word);
            return;
        }

        network[1] = (byte)(network[1] & keep ^ flip);
        packet.Ipv4.UpdateChecksum();
    }

    private static void SetTimeToLive(ReadOnlySpan<byte> data, Packet packet)
    {
        bool isV6 = packet.Protocol == EtherType.Ipv6;
        Span<byte> network = packet.Network;
        ref byte field = ref network[isV6 ? 7 : 8];
        int value = data[0] switch
        {
            0 => data[1],
            1 => Math.Min(255, field + data[1]),
            _ => Math.Max(0, field - data[1]),
        };
        if (value == field)
        {
            return;
        }

        int difference = value - field;
        field = (byte)value;
        if (isV6)
        {
            packet.MissSum(difference);
        }
        else
        {
            difference <<= 8;
            long sum = (ushort)~BinaryPrimitives.ReadUInt16BigEndian(network[10..]) + (long)difference;
            sum = (sum % 0xffff + 0xffff) % 0xffff;
            BinaryPrimitives.WriteUInt16BigEndian(network[10..], (ushort)~(ushort)sum);
        }
    }
}
