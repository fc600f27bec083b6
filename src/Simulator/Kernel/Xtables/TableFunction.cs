using System.Text;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Nftables.Compat;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Xtables;

/// <summary>A table in one of its hooks (ipt_do_table, ip6t_do_table).</summary>
internal sealed class TableFunction(SimulatedKernel kernel, XtablesTable table, byte hook, string family) : IHookFunction
{
    private const byte InvertInput = 1, InvertOutput = 2, InvertSource = 8, InvertDestination = 16, InvertFragment = 32, InvertProtocol = 64;

    /// <inheritdoc />
    public string Description => $"xtables {family} {table.Kind.Name} {Hook.Name(HookFamily.Ipv4, hook)}";

    /// <inheritdoc />
    public HookVerdict Run(HookContext context)
    {
        Packet packet = context.Packet;
        if (!packet.HasTransportProtocol && packet.Protocol is EtherType.Ipv4 or EtherType.Ipv6)
        {
            packet.LocateTransport();
        }

        bool routes = hook == Hook.Output && table.Kind.Name == "mangle";
        RouteKey before = routes ? RouteKey.Of(packet) : default;
        return Walk(context) switch
        {
            NF_ACCEPT when routes && RouteKey.Of(packet) != before && !context.Stack.Internet(context.Family).Reroute(packet) => HookVerdict.Drop,
            NF_ACCEPT => HookVerdict.Accept,
            NF_STOLEN => HookVerdict.Stolen,
            NF_QUEUE => HookVerdict.Queue,
            _ => HookVerdict.Drop,
        };
    }

    private int Walk(HookContext context)
    {
        XtablesEntries entries = table.Entries;
        var back = new Stack<int>();
        int position = (int)entries.HookEntries[hook];
        while (true)
        {
            XtablesEntry entry = entries.ByOffset[position];
            int next = position + entry.Length;
            if (!Matches(entries.Layout, entry, context))
            {
                if (context.MustDrop)
                {
                    return Decide(context, entry, NF_DROP);
                }

                position = next;
                continue;
            }

            entry.Packets++;
            entry.Bytes += (ulong)context.PacketLength;
            if (entry.Target.Length == 0)
            {
                if (entry.Verdict >= 0)
                {
                    if (entry.Verdict != next && (entry.Header[entries.Layout.Flags] & entries.Layout.GotoFlag) == 0)
                    {
                        back.Push(next);
                    }

                    position = entry.Verdict;
                }
                else if (entry.Verdict == XtablesLayout.Return)
                {
                    position = back.TryPop(out int returned) ? returned : (int)entries.Underflows[hook];
                }
                else
                {
                    return Decide(context, entry, -entry.Verdict - 1);
                }

                continue;
            }

            if (entry.Target == XtablesLayout.ErrorName)
            {
                return NF_DROP;
            }

            int verdict = TargetEvaluation.Run(entry.TargetExtension!.Extension!, entry.TargetExtension.Data, context);
            switch (verdict)
            {
                case TargetEvaluation.Continue:
                    position = next;
                    continue;
                case XtablesLayout.Return:
                    position = back.TryPop(out int returned) ? returned : (int)entries.Underflows[hook];
                    continue;
                default:
                    return Decide(context, entry, verdict & 0xff);
            }
        }
    }

    private int Decide(HookContext context, XtablesEntry entry, int verdict)
    {
        if (context.Packet.Tells(TraceLevel.Detailed))
        {
            string target = entry.Target.Length == 0 ? verdict == NF_ACCEPT ? "ACCEPT" : verdict == NF_DROP ? "DROP" : "QUEUE" : entry.Target;
            context.Packet.Tell(StoryKind.Decision, TraceLevel.Detailed, context.Stack.HostName, $"{Description} entry at {entry.Offset}: {target}");
        }

        return verdict;
    }

    private bool Matches(XtablesLayout layout, XtablesEntry entry, HookContext context)
    {
        if (entry.IsUnconditional)
        {
            return true;
        }

        if (!HeaderMatches(layout, entry.Header, context))
        {
            return false;
        }

        foreach (EntryExtension match in entry.Matches)
        {
            if (!MatchEvaluation.Matches(match.Extension!, match.Data, match.State, kernel, context))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>ip_packet_match, ip6_packet_match.</summary>
    private static bool HeaderMatches(XtablesLayout layout, ReadOnlySpan<byte> header, HookContext context)
    {
        Packet packet = context.Packet;
        byte flags = header[layout.Flags], inverted = header[layout.Flags + 1];
        bool isV4 = layout.Family == NFPROTO_IPV4;
        int size = layout.Address;
        ReadOnlySpan<byte> network = packet.Network;
        int source = isV4 ? 12 : 8;
        if (network.Length < (isV4 ? Ipv4Header.MinimumSize : Ipv6Header.Size)
            || IsInNetwork(network.Slice(source, size), header[..size], header.Slice(2 * size, size)) == ((inverted & InvertSource) != 0)
            || IsInNetwork(network.Slice(source + size, size), header.Slice(size, size), header.Slice(3 * size, size)) == ((inverted & InvertDestination) != 0))
        {
            return false;
        }

        ReadOnlySpan<byte> names = header.Slice(layout.InputName, 64);
        if (IsNamed(context.Input, names[..16], names.Slice(32, 16)) == ((inverted & InvertInput) != 0)
            || IsNamed(context.Output, names.Slice(16, 16), names.Slice(48, 16)) == ((inverted & InvertOutput) != 0))
        {
            return false;
        }

        int protocol = header[layout.Protocol] | header[layout.Protocol + 1] << 8;
        bool asksProtocol = isV4 ? protocol != 0 : (flags & 1) != 0;
        if (asksProtocol && !ProtocolMatches(isV4, protocol, (inverted & InvertProtocol) != 0, context))
        {
            return false;
        }

        return !isV4 || (flags & 1) == 0 || packet.Ipv4.FragmentOffset != 0 != ((inverted & InvertFragment) != 0);
    }

    private static bool ProtocolMatches(bool isV4, int protocol, bool isInverted, HookContext context)
    {
        if (isV4)
        {
            return context.Packet.Ipv4.Protocol == protocol != isInverted;
        }

        // A packet of which the protocol cannot be told is dropped.
        context.MustDrop |= context.Packet.Ipv6.Find(null, authentication: false, context.Stack.Kernel.Profile.ChecksExtensionHeaders, out byte found, out _) < 0;
        return !context.MustDrop && (found == protocol ? !isInverted : protocol != 0 && isInverted);
    }

    private static bool IsInNetwork(ReadOnlySpan<byte> address, ReadOnlySpan<byte> network, ReadOnlySpan<byte> mask)
    {
        for (int index = 0; index < address.Length; index++)
        {
            if ((address[index] & mask[index]) != network[index])
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsNamed(NetworkDevice? device, ReadOnlySpan<byte> wanted, ReadOnlySpan<byte> mask)
    {
        Span<byte> name = stackalloc byte[16];
        name.Clear();
        if (device is not null)
        {
            Encoding.Latin1.TryGetBytes(device.Name, name, out _);
        }

        for (int index = 0; index < name.Length; index++)
        {
            if (((name[index] ^ wanted[index]) & mask[index]) != 0)
            {
                return false;
            }
        }

        return true;
    }
}
