using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Datapath.Nat;
using EucaNet.Simulator.Datapath.Proxy;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Hooks;

/// <summary>
/// The kernel's own hook functions: reassembly, connection tracking and confirmation, address translation. As in Linux they
/// hang in a family's hooks only while something needs them: rules that look at connections (<see cref="UseConntrack"/>),
/// nat chains (<see cref="RegisterNatChain"/>).
/// </summary>
internal sealed class NetfilterHooks(NetworkStack stack)
{
    private const int PriorityDefragment = -400;
    private const int PriorityConntrack = -200;
    private const int PriorityDestinationNat = -100;
    private const int PrioritySourceNat = 100;
    private const int PriorityProxy = PriorityConfirm - 1;
    private const int PriorityConfirm = int.MaxValue;

    private static readonly byte[] NatHooks = [Hook.Prerouting, Hook.Output, Hook.Postrouting, Hook.Input];

    private readonly Dictionary<byte, int> _conntrackUsers = [], _reassemblyUsers = [], _proxyUsers = [];
    private readonly Dictionary<byte, List<(byte Hook, int Priority, IHookFunction Chain)>> _natChains = [];
    private readonly Dictionary<byte, NatFunction[]> _natFunctions = [];
    private TrackFunction? _track;
    private ConfirmFunction? _confirm;
    private DefragmentFunction? _defragment;
    private BridgeTrackFunction? _trackBridged;
    private BridgeInputFunction? _confirmBridged;

    /// <summary>One more rule of this family looks at connections; tracking begins with the first.</summary>
    public void UseConntrack(byte family)
    {
        foreach (byte each in TrackedFamilies(family))
        {
            int users = _conntrackUsers.GetValueOrDefault(each);
            _conntrackUsers[each] = users + 1;
            if (users > 0)
            {
                continue;
            }

            _track ??= new TrackFunction(stack);
            _confirm ??= new ConfirmFunction(stack);
            if (each == HookFamily.Bridge)
            {
                _trackBridged ??= new BridgeTrackFunction(stack, _track);
                _confirmBridged ??= new BridgeInputFunction();
                stack.Hooks.Register(each, Hook.Prerouting, PriorityConntrack, _trackBridged);
                stack.Hooks.Register(each, Hook.Input, PriorityConfirm, _confirmBridged);
                stack.Hooks.Register(each, Hook.Postrouting, PriorityConfirm, _confirm);
                continue;
            }

            stack.Hooks.Register(each, Hook.Prerouting, PriorityConntrack, _track);
            stack.Hooks.Register(each, Hook.Output, PriorityConntrack, _track);
            stack.Hooks.Register(each, Hook.Postrouting, PriorityConfirm, _confirm);
            stack.Hooks.Register(each, Hook.Input, PriorityConfirm, _confirm);
            UseReassembly(each);
        }
    }

    /// <summary>One more rule or object that proxies handshakes.</summary>
    public void UseProxy(byte family)
    {
        foreach (byte each in Families(family))
        {
            if ((_proxyUsers[each] = _proxyUsers.GetValueOrDefault(each) + 1) == 1)
            {
                stack.Hooks.Register(each, Hook.Input, PriorityProxy, stack.SynProxy);
                stack.Hooks.Register(each, Hook.Postrouting, PriorityProxy, stack.SynProxy);
            }
        }
    }

    /// <summary>One less.</summary>
    public void ReleaseProxy(byte family)
    {
        foreach (byte each in Families(family))
        {
            if ((_proxyUsers[each] = _proxyUsers[each] - 1) == 0)
            {
                stack.Hooks.Unregister(each, Hook.Input, stack.SynProxy);
                stack.Hooks.Unregister(each, Hook.Postrouting, stack.SynProxy);
            }
        }
    }

    /// <summary>One more part of the kernel wants packets of this family whole before rules see them: connection tracking, and what looks for sockets.</summary>
    public void UseReassembly(byte family)
    {
        int users = _reassemblyUsers[family] = _reassemblyUsers.GetValueOrDefault(family) + 1;
        if (users == 1)
        {
            _defragment ??= new DefragmentFunction(stack);
            stack.Hooks.Register(family, Hook.Prerouting, PriorityDefragment, _defragment);
            stack.Hooks.Register(family, Hook.Output, PriorityDefragment, _defragment);
        }
    }

    /// <summary>One part less.</summary>
    public void ReleaseReassembly(byte family)
    {
        int users = _reassemblyUsers[family] = _reassemblyUsers[family] - 1;
        if (users == 0)
        {
            stack.Hooks.Unregister(family, Hook.Prerouting, _defragment!);
            stack.Hooks.Unregister(family, Hook.Output, _defragment!);
        }
    }

    /// <summary>One rule less; tracking ends with the last, the table stays until its entries expire.</summary>
    public void ReleaseConntrack(byte family)
    {
        foreach (byte each in TrackedFamilies(family))
        {
            int users = _conntrackUsers.GetValueOrDefault(each);
            if (users == 0)
            {
                continue;
            }

            _conntrackUsers[each] = users - 1;
            if (users == 1)
            {
                foreach (byte hook in NatHooks)
                {
                    foreach (IHookFunction? function in (IHookFunction?[])[_track, _confirm, _trackBridged, _confirmBridged])
                    {
                        if (function is not null)
                        {
                            stack.Hooks.Unregister(each, hook, function);
                        }
                    }
                }

                if (each != HookFamily.Bridge)
                {
                    ReleaseReassembly(each);
                }
            }
        }
    }

    /// <summary>
    /// A nat chain comes (nf_nat_register_fn): it is asked by the translation function of its hook, about first packets only.
    /// The chains of one hook are asked in the order of their priorities. It uses connection tracking.
    /// </summary>
    public void RegisterNatChain(byte family, byte hook, int priority, IHookFunction chain)
    {
        foreach (byte each in Families(family))
        {
            if (!_natChains.TryGetValue(each, out List<(byte Hook, int Priority, IHookFunction Chain)>? chains))
            {
                _natChains.Add(each, chains = []);
            }

            int position = chains.FindIndex(other => other.Hook == hook && other.Priority >= priority);
            chains.Insert(position < 0 ? chains.Count : position, (hook, priority, chain));
            if (chains.Count == 1)
            {
                NatFunction[] functions = [.. NatHooks.Select(at => new NatFunction(stack, chains, at))];
                _natFunctions[each] = functions;
                foreach (NatFunction function in functions)
                {
                    stack.Hooks.Register(each, function.Hook, AddressTranslator.ManipulationAt(function.Hook) == NatManipulation.Source ? PrioritySourceNat : PriorityDestinationNat, function);
                }
            }
        }
    }

    /// <summary>A nat chain goes; with the last one of a family the translation function goes.</summary>
    public void UnregisterNatChain(byte family, byte hook, IHookFunction chain)
    {
        foreach (byte each in Families(family))
        {
            if (_natChains.TryGetValue(each, out List<(byte Hook, int Priority, IHookFunction Chain)>? chains)
                && chains.RemoveAll(entry => entry.Hook == hook && entry.Chain == chain) > 0 && chains.Count == 0)
            {
                foreach (NatFunction function in _natFunctions[each])
                {
                    stack.Hooks.Unregister(each, function.Hook, function);
                }

                _natFunctions.Remove(each);
                _natChains.Remove(each);
            }
        }
    }

    /// <summary>Who tracks connections of bridges tracks those of IP too (nf_ct_netns_get).</summary>
    private static byte[] TrackedFamilies(byte family) => family == HookFamily.Bridge ? [HookFamily.Bridge, HookFamily.Ipv4, HookFamily.Ipv6] : Families(family);

    private static byte[] Families(byte family) => family == HookFamily.Inet ? [HookFamily.Ipv4, HookFamily.Ipv6] : [family];

    private sealed class TrackFunction(NetworkStack stack) : IHookFunction
    {
        public string Description => "connection tracking";

        public HookVerdict Run(HookContext context)
        {
            HookVerdict verdict = stack.Conntrack.Track(context);
            Packet packet = context.Packet;
            if (packet.Tells(TraceLevel.Summary))
            {
                packet.Tell(StoryKind.Decision, TraceLevel.Summary, stack.HostName, packet.Untracked ? "ct untracked"
                    : packet.Connection is null ? "ct invalid"
                    : packet.ConnectionInfo switch
                    {
                        ConnectionInfo.New => "ct new",
                        ConnectionInfo.Related or ConnectionInfo.RelatedReply => "ct related",
                        _ => "ct established",
                    });
            }

            return verdict;
        }
    }

    private sealed class ConfirmFunction(NetworkStack stack) : IHookFunction
    {
        public string Description => "connection tracking (two connections with the same answers)";

        public HookVerdict Run(HookContext context) => SynProxy.ChangeNumbers(context) ? stack.Conntrack.Confirm(context.Packet) : HookVerdict.Drop;
    }

    private sealed class DefragmentFunction(NetworkStack stack) : IHookFunction
    {
        private readonly Reassembler _reassembler = new(stack, isTracking: true);

        public string Description => "reassembly";

        public HookVerdict Run(HookContext context)
        {
            Packet packet = context.Packet;
            bool isFragment = packet.IsIpv6 ? packet.Ipv6.FindFragment(out _) : packet.Ipv4.IsFragment;
            if (!isFragment || packet.Untracked)
            {
                return HookVerdict.Accept;
            }

            return _reassembler.Take(packet) switch
            {
                FragmentFate.Kept => HookVerdict.Stolen,
                FragmentFate.Refused => packet.IsIpv6 ? HookVerdict.Drop : HookVerdict.Stolen,
                _ => HookVerdict.Accept,
            };
        }
    }

    /// <summary>Packets on a bridge are put together and tracked at one place (nf_ct_bridge_pre); what is neither IPv4 nor IPv6 is not tracked.</summary>
    private sealed class BridgeTrackFunction(NetworkStack stack, TrackFunction track) : IHookFunction
    {
        private readonly DefragmentFunction _defragment = new(stack);

        public string Description => "connection tracking of the bridge";

        public HookVerdict Run(HookContext context)
        {
            Packet packet = context.Packet;
            if (packet.Connection is not null || packet.Untracked)
            {
                return HookVerdict.Accept;
            }

            if (packet.Protocol is not (EtherType.Ipv4 or EtherType.Ipv6))
            {
                packet.Untracked = true;
                packet.ConnectionInfo = ConnectionInfo.Untracked;
                return HookVerdict.Accept;
            }

            if (packet.IsIpv6 ? !packet.Ipv6.IsValid : packet.NetworkLength < Ipv4Header.MinimumSize || !packet.Ipv4.IsValid)
            {
                return HookVerdict.Accept;
            }

            packet.TrimNetwork(packet.IsIpv6 ? Ipv6Header.Size + packet.Ipv6.PayloadLength : packet.Ipv4.TotalLength);
            HookVerdict verdict = _defragment.Run(context);
            return verdict == HookVerdict.Accept ? track.Run(context) : verdict;
        }
    }

    /// <summary>A copy of a flooded packet that goes to the machine itself has no part in a connection that is not confirmed yet (nf_ct_bridge_in).</summary>
    private sealed class BridgeInputFunction : IHookFunction
    {
        public string Description => "connection tracking of the bridge";

        public HookVerdict Run(HookContext context)
        {
            if (context.Packet is { Type: not PacketType.Host, Connection.IsConfirmed: false } packet)
            {
                packet.Connection = null;
                packet.ConnectionInfo = default;
            }

            return HookVerdict.Accept;
        }
    }

    private sealed class NatFunction(NetworkStack stack, List<(byte Hook, int Priority, IHookFunction Chain)> chains, byte hook) : IHookFunction
    {
        public byte Hook { get; } = hook;

        public string Description => $"address translation at {Hooks.Hook.Name(HookFamily.Ipv4, Hook)}";

        public HookVerdict Run(HookContext context)
        {
            InternetAddress destination = context.Packet.DestinationAddress;
            HookVerdict verdict = stack.Nat.Run(context, AskChains);
            if (context.Hook == Hooks.Hook.Prerouting && context.Packet.DestinationAddress != destination)
            {
                // What the machine sent to itself keeps the route it left by, but for another destination (nf_nat_ipv4_pre_routing).
                context.Packet.Route = null;
            }

            if (verdict != HookVerdict.Accept || context.Hook != Hooks.Hook.Output || context.Packet.Connection is not { } connection)
            {
                return verdict;
            }

            // Another destination than the one the route was chosen for (nf_nat_ipv4_local_fn).
            ConnectionDirection direction = Connection.DirectionOf(context.Packet.ConnectionInfo);
            bool moved = connection.Tuple(direction).Destination != connection.Tuple(1 - direction).Source;
            return !moved || stack.Internet(context.Family).Reroute(context.Packet) ? verdict : HookVerdict.Drop;
        }

        private HookVerdict AskChains(HookContext context)
        {
            foreach ((byte at, _, IHookFunction chain) in chains)
            {
                if (at != Hook)
                {
                    continue;
                }

                HookVerdict verdict = chain.Run(context);
                if (verdict != HookVerdict.Accept)
                {
                    return verdict;
                }

                if (context.Packet.Connection is { } connection && AddressTranslator.IsInitialized(connection, AddressTranslator.ManipulationAt(Hook)))
                {
                    break;
                }
            }

            return HookVerdict.Accept;
        }
    }
}
