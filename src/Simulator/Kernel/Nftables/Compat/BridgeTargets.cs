using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;
using static EucaNet.Simulator.Kernel.Nftables.Compat.ExtensionData;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>The targets of ebtables (net/bridge/netfilter/ebt_*.c), and what their verdicts are in nf_tables (nft_target_eval_bridge).</summary>
internal static class BridgeTargets
{
    /// <summary>EBT_ACCEPT to EBT_RETURN are -1 to -4.</summary>
    public const int Accept = -1, Drop = -2, Continue = -3, Return = -4;

    /// <summary>EBT_VERDICT_BITS: the rest of a verdict is the target's own.</summary>
    private const int VerdictBits = 0xf;

    /// <summary>Says a verdict's code as a rule of nf_tables knows it; <see cref="TargetEvaluation.Continue"/> where the next expression is asked.</summary>
    public static int Run(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        int verdict = extension.Name switch
        {
            "arpreply" => AnswerArp(data, context),
            "dnat" => SetDestination(data, context),
            "mark" => SetMark(data, context.Packet),
            "redirect" => Redirect(data, context),
            "snat" => SetSource(data, context.Packet),
            _ => throw new InvalidOperationException($"'{extension.Name}' is no target of bridges that decides."),
        };
        return verdict switch
        {
            Accept => NF_ACCEPT,
            Drop => NF_DROP,
            Continue => TargetEvaluation.Continue,
            _ => NFT_RETURN,
        };
    }

    /// <summary>Answers who asks for an address with the MAC of the rule, by the port the question came in by.</summary>
    private static int AnswerArp(ReadOnlySpan<byte> data, HookContext context)
    {
        Packet packet = context.Packet;
        ReadOnlySpan<byte> network = packet.Network;
        const int HeaderSize = 8;
        if (network.Length < HeaderSize)
        {
            return Drop;
        }

        if (BinaryPrimitives.ReadUInt32BigEndian(network[2..]) != 0x0800_0604 || BinaryPrimitives.ReadUInt16BigEndian(network[6..]) != ArpHeader.Request)
        {
            return Continue;
        }

        if (network.Length < ArpHeader.Size)
        {
            return Drop;
        }

        ArpHeader question = packet.Arp;
        context.Stack.Arp.Answer(context.Input!, question.SenderHardware, question.SenderAddress, question.TargetAddress, MacAddress.Read(data), packet.Story);
        return BinaryPrimitives.ReadInt32LittleEndian(data[8..]);
    }

    /// <summary>Another destination; before it is forwarded, whether that is the bridge itself is decided anew.</summary>
    private static int SetDestination(ReadOnlySpan<byte> data, HookContext context)
    {
        MacAddress destination = MacAddress.Read(data);
        context.Packet.Destination = destination;
        if (destination.IsMulticast)
        {
            context.Packet.Type = destination.IsBroadcast ? PacketType.Broadcast : PacketType.Multicast;
        }
        else if (context.Hook == Hook.Prerouting)
        {
            if (context.Input?.Port is not { Bridge.Device: var bridge })
            {
                return Drop;
            }

            context.Packet.Type = destination == MacAddress.Read(bridge.HardwareAddress) ? PacketType.Host : PacketType.OtherHost;
        }

        return BinaryPrimitives.ReadInt32LittleEndian(data[8..]);
    }

    /// <summary>To the machine itself, by the bridge's device.</summary>
    private static int Redirect(ReadOnlySpan<byte> data, HookContext context)
    {
        if (context.Input?.Port is not { Bridge.Device: var bridge })
        {
            return Drop;
        }

        context.Packet.Destination = MacAddress.Read(bridge.HardwareAddress);
        context.Packet.Type = PacketType.Host;
        return BinaryPrimitives.ReadInt32LittleEndian(data);
    }

    /// <summary>Another source, in ARP too where the rule does not say otherwise (--snat-arp has that bit clear).</summary>
    private static int SetSource(ReadOnlySpan<byte> data, Packet packet)
    {
        const int SparesArp = 0x10;
        var source = MacAddress.Read(data);
        int target = BinaryPrimitives.ReadInt32LittleEndian(data[8..]);
        packet.Source = source;
        if ((target & SparesArp) == 0 && BinaryPrimitives.ReadUInt16BigEndian(packet.LinkHeader[12..]) == EtherType.Arp)
        {
            const int HeaderSize = 8;
            Span<byte> network = packet.Network;
            if (network.Length < HeaderSize || (network[4] == MacAddress.Size && network.Length < HeaderSize + MacAddress.Size))
            {
                return Drop;
            }

            if (network[4] == MacAddress.Size)
            {
                source.CopyTo(network[8..]);
            }
        }

        return target | ~VerdictBits;
    }

    private static int SetMark(ReadOnlySpan<byte> data, Packet packet)
    {
        uint mark = U32(data, 0);
        int target = BinaryPrimitives.ReadInt32LittleEndian(data[8..]);
        packet.Mark = (target & 0xf0) switch
        {
            0xf0 => mark,
            0xe0 => packet.Mark | mark,
            0xd0 => packet.Mark & mark,
            _ => packet.Mark ^ mark,
        };
        return target | ~VerdictBits;
    }
}
