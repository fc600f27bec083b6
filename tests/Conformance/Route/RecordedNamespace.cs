using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Conformance;

/// <summary>
/// The namespace in which the rows of a file were recorded: two veth pairs and a spare device had been made in it before the first. Indices and MACs are
/// chance; those that an answer shows are taken from it.
/// </summary>
internal sealed class RecordedNamespace
{
    private readonly Dictionary<string, List<(int Row, int Index, byte[] Mac)>> _seen = new(StringComparer.Ordinal);
    private int _unseen = 10000;
    private bool _isPrepared;

    private RecordedNamespace(SimulatedKernel kernel) => Kernel = kernel;

    public SimulatedKernel Kernel { get; }

    /// <summary>The row that is played, from 0.</summary>
    public int Row { get; set; }

    /// <summary>A fresh namespace: lo, v0 and v1 up; v0 with an IPv4 and an IPv6 address.</summary>
    public static RecordedNamespace Prepare(KernelProfile profile, IEnumerable<(int Row, byte[] Datagram)> answers)
    {
        var recorded = new RecordedNamespace(new SimulatedKernel(new SimulatedKernelOptions { Profile = profile }));
        foreach ((int row, byte[] answer) in answers)
        {
            recorded.Collect(row, answer);
        }

        SimulatedKernel kernel = recorded.Kernel;
        kernel.NewDeviceHint = recorded.Hint;
        var commands = new IpCommand(kernel);
        commands.Run("ip link set lo up");
        commands.Run("ip link add v0 type veth peer name v1");
        commands.Run("ip link add v2 type veth peer name v3");
        commands.Run("ip link set v0 up");
        commands.Run("ip link set v1 up");
        commands.Run("ip addr add 10.9.0.1/24 dev v0");
        commands.Run("ip addr add fd00::1/64 dev v0 nodad");
        commands.Run("ip link add br0 type ifb");
        kernel.Clock.Advance(TimeSpan.FromSeconds(5));
        recorded._isPrepared = true;
        return recorded;
    }

    /// <summary>The profile of a file's kernel.</summary>
    public static KernelProfile Profile(string version) => version switch
    {
        "6.1" => KernelProfile.Linux61,
        "6.12" => KernelProfile.Linux612,
        _ => KernelProfile.Linux618Minimal,
    };

    // The first devices count from 1 as they did there; of later ones only those that an answer shows have a number that matters.
    private (int Index, byte[] Mac)? Hint(string name)
    {
        if (_seen.TryGetValue(name, out List<(int Row, int Index, byte[] Mac)>? seen))
        {
            // What the name stood for next; where it isn't seen again, last.
            (_, int index, byte[] mac) = seen.Find(one => one.Row >= Row) is { Mac: not null } next ? next : seen[^1];
            return (index, mac);
        }

        if (!_isPrepared)
        {
            return null;
        }

        _unseen++;
        return (_unseen, [2, 0, 0, 0, (byte)(_unseen >> 8), (byte)_unseen]);
    }

    private void Collect(int row, byte[] datagram)
    {
        var walk = new MessageReader(datagram);
        while (walk.TryRead(out NetlinkMessage message))
        {
            if (message.Header.Type != 16 || message.Payload.Length < 16 || message.Payload[0] != 0)
            {
                continue;
            }

            AttributeReader attributes = message.Attributes(16);
            if (attributes.TryFind(3, out NetlinkAttribute name) && attributes.TryFind(1, out NetlinkAttribute mac))
            {
                if (!_seen.TryGetValue(name.String, out List<(int Row, int Index, byte[] Mac)>? seen))
                {
                    _seen.Add(name.String, seen = []);
                }

                seen.Add((row, BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..]), mac.Value.ToArray()));
            }
        }
    }
}
