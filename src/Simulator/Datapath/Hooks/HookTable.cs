using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Hooks;

/// <summary>
/// The hook functions of one kernel by family and hook, in the order of their priorities; netdev hooks by device besides.
/// Of equal priorities the one registered last runs first, as in the kernel (nf_hook_entries_grow).
/// </summary>
internal sealed class HookTable
{
    private readonly Dictionary<(byte Family, byte Hook, NetworkDevice? Device), Entry[]> _entries = [];

    /// <summary>Registers a function. The inet family stands for ip and ip6; its ingress hook for that of netdev.</summary>
    /// <param name="family">A <see cref="HookFamily"/>.</param>
    /// <param name="hook">A <see cref="Hook"/>.</param>
    /// <param name="priority">Lower runs first.</param>
    /// <param name="function">What runs.</param>
    /// <param name="device">Of netdev hooks, the device.</param>
    public void Register(byte family, byte hook, int priority, IHookFunction function, NetworkDevice? device = null)
    {
        foreach ((byte f, byte h) in Places(family, hook))
        {
            (byte, byte, NetworkDevice?) key = (f, h, device);
            Entry[] old = _entries.GetValueOrDefault(key, []);
            int position = Array.FindIndex(old, entry => entry.Priority >= priority);
            position = position < 0 ? old.Length : position;
            _entries[key] = [.. old.AsSpan(0, position), new Entry(priority, function), .. old.AsSpan(position)];
        }
    }

    /// <summary>Takes a function away; nothing happens when it isn't there.</summary>
    public void Unregister(byte family, byte hook, IHookFunction function, NetworkDevice? device = null)
    {
        foreach ((byte f, byte h) in Places(family, hook))
        {
            (byte, byte, NetworkDevice?) key = (f, h, device);
            if (_entries.TryGetValue(key, out Entry[]? old))
            {
                Entry[] rest = Array.FindAll(old, entry => entry.Function != function);
                if (rest.Length == 0)
                {
                    _entries.Remove(key);
                }
                else
                {
                    _entries[key] = rest;
                }
            }
        }
    }

    /// <summary>What runs at a hook, first to last, for listings.</summary>
    public IEnumerable<(int Priority, IHookFunction Function)> At(byte family, byte hook, NetworkDevice? device = null) =>
        _entries.GetValueOrDefault((family, hook, device), []).Select(entry => (entry.Priority, entry.Function));

    public bool IsEmpty(byte family, byte hook, NetworkDevice? device = null) => !_entries.ContainsKey((family, hook, device));

    /// <summary>A packet comes to a hook; false: it doesn't go on.</summary>
    public bool Run(NetworkStack stack, byte family, byte hook, Packet packet, NetworkDevice? input, NetworkDevice? output) =>
        IsEmpty(family, hook, family == HookFamily.Netdev ? hook == Hook.NetdevIngress ? input : output : null)
        || Run(new HookContext(stack, family, hook, packet, input, output)) == HookVerdict.Accept;

    /// <summary>Runs the functions in turn until one keeps or drops the packet.</summary>
    public HookVerdict Run(HookContext context)
    {
        NetworkDevice? device = context.Family == HookFamily.Netdev ? context.Hook == Hook.NetdevIngress ? context.Input : context.Output : null;
        if (!_entries.TryGetValue((context.Family, context.Hook, device), out Entry[]? entries))
        {
            return HookVerdict.Accept;
        }

        int done = int.MinValue;
        foreach (Entry entry in entries)
        {
            if (entry.Priority <= done)
            {
                continue;
            }

            HookVerdict verdict;
            int repeats = 0;
            do
            {
                verdict = entry.Function.Run(context);
            }
            while (verdict == HookVerdict.Repeat && ++repeats < 4);

            if (verdict == HookVerdict.Diverted)
            {
                done = entry.Priority;
            }
            else if (verdict != HookVerdict.Accept)
            {
                if (verdict == HookVerdict.Drop)
                {
                    context.Packet.Story?.Dropped(context, entry.Function.Description);
                }

                return verdict;
            }
        }

        return HookVerdict.Accept;
    }

    private static IEnumerable<(byte Family, byte Hook)> Places(byte family, byte hook)
    {
        if (family != HookFamily.Inet)
        {
            return [(family, hook)];
        }

        return hook == Hook.InetIngress ? [(HookFamily.Netdev, Hook.NetdevIngress)] : [(HookFamily.Ipv4, hook), (HookFamily.Ipv6, hook)];
    }

    private sealed record Entry(int Priority, IHookFunction Function);
}
