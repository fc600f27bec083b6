using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>Every state that user space can give a neighbour after every other (but DELAY, which passes at once), with and without a MAC, on links that are down: the same answers, events and ends as on the kernel of this machine.</summary>
[RequiresRoot]
public sealed class NeighbourStateTests
{
    private static readonly ushort[] States = [0x80, 0x40, 2, 4, 0x10, 0x20, 1, 0, 3, 0xc0];

    [Test]
    public void A_state_after_a_state_is_answered_and_told_as_on_the_real_kernel([Values("veth", "ifb")] string kind)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        using var simulated = new SimulatedKernel(new SimulatedKernelOptions { Profile = RouteProgram.ThisKernel() });
        using var real = new RouteSide(LinuxKernel.Open(space)) { HearsAll = true };
        using var mine = new RouteSide(simulated) { HearsAll = true };
        var differences = new List<string>();
        foreach (RouteSide side in (RouteSide[])[real, mine])
        {
            Assert.That(RouteOperation.AddLink("va", kind, "vb", [2, 0, 0, 0, 0, 1], 0x605).Run(side), Is.EqualTo("None"));
            side.Events();
        }

        byte number = 0;
        foreach (ushort first in States)
        {
            foreach (ushort second in States)
            {
                foreach ((bool withFirst, bool withSecond) in ((bool, bool)[])[(true, true), (true, false), (false, true), (false, false)])
                {
                    byte[] address = [10, 0, (byte)(number >> 7), (byte)(number++ & 0x7f | 1)];
                    string text = $"state {first:x}{(withFirst ? " with a MAC" : "")}, then {second:x}{(withSecond ? " with another" : "")}";
                    string there = string.Join('\n', Tell(real, address, first, withFirst, second, withSecond)), here = string.Join('\n', Tell(mine, address, first, withFirst, second, withSecond));
                    if (there != here)
                    {
                        differences.Add($"{text}\n  the kernel says\n{there}\n  the simulator\n{here}");
                    }
                }
            }
        }

        Assert.That(differences, Is.Empty, () => $"{differences.Count}\n{string.Join("\n\n", differences.Take(12))}");
    }

    private static IEnumerable<string> Tell(RouteSide side, byte[] address, ushort first, bool withFirst, ushort second, bool withSecond)
    {
        yield return Ask(side, 28, 0x505, address, first, withFirst ? [2, 0, 0, 0, 9, 1] : null);
        yield return Ask(side, 28, 0x505, address, second, withSecond ? [2, 0, 0, 0, 9, 2] : null);
        yield return Ask(side, 29, 5, address, 0, null);
        foreach (string text in side.Events())
        {
            yield return text;
        }
    }

    private static string Ask(RouteSide side, ushort verb, ushort flags, byte[] address, ushort state, byte[]? mac)
    {
        int index = side.Index("va");
        return side.Ask(verb, flags, (ref NetlinkWriter w) =>
        {
            w.Append([2, 0, 0, 0]);
            w.AppendStruct(index);
            w.AppendStruct(state);
            w.Append([0, 0]);
            w.WriteBytes(1, address);
            if (mac is not null)
            {
                w.WriteBytes(2, mac);
            }
        });
    }
}
