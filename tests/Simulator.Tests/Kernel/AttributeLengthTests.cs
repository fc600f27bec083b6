using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>Each attribute of each request, in many lengths and beside what the request needs: refused or passed over as on the kernel of this machine, with its words, offset and policy.</summary>
[RequiresRoot]
public sealed class AttributeLengthTests
{
    private const ushort NoCreation = 5, Creation = 0x605;
    private static readonly int[] Lengths = [0, 1, 2, 3, 4, 5, 6, 8, 12, 16, 17, 20, 33, 130];

    /// <summary>A request that does nothing, and how many types its attributes have.</summary>
    /// <param name="Name">What it is.</param>
    /// <param name="Type">RTM_*.</param>
    /// <param name="Flags">NLM_F_*.</param>
    /// <param name="Header">What follows the netlink header.</param>
    /// <param name="Before">Attributes that stand before the one in question.</param>
    /// <param name="Nests">Which nests it stands in.</param>
    /// <param name="Largest">The largest type tried.</param>
    public sealed record Request(string Name, ushort Type, ushort Flags, byte[] Header, byte[] Before, (ushort Type, byte[] Before)[] Nests, int Largest)
    {
        /// <inheritdoc />
        public override string ToString() => Name;
    }

    private static IEnumerable<Request> Requests()
    {
        byte[] link = new byte[16], address = [2, 24, 0, 0, 99, 0, 0, 0], route = [2, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0], rule = [2, 0, 0, 0, 100, 0, 0, 1, 0, 0, 0, 0], neighbour = [2, 0, 0, 0, 99, 0, 0, 0, 0x80, 0, 0, 0];
        byte[] name = Attribute(3, [.. "nobody"u8, 0]), bridge = Attribute(1, [.. "bridge"u8, 0]), veth = Attribute(1, [.. "veth"u8, 0]);
        yield return new Request("link", 16, NoCreation, link, name, [], 65);
        yield return new Request("link information", 16, NoCreation, link, name, [(18, [])], 6);
        yield return new Request("bridge options", 16, NoCreation, link, name, [(18, bridge), (2, [])], 50);
        yield return new Request("veth options", 16, NoCreation, link, name, [(18, veth), (2, [])], 3);
        yield return new Request("address", 20, Creation, address, Attribute(2, [10, 0, 0, 1]), [], 13);
        yield return new Request("address deleted", 21, NoCreation, address, [], [], 13);
        yield return new Request("route deleted", 25, NoCreation, route, Attribute(1, [10, 5, 0, 0]), [], 30);
        yield return new Request("rule", 32, Creation, rule, Attribute(6, [9, 9, 0, 0]), [], 24);
        yield return new Request("rule deleted", 33, NoCreation, rule, Attribute(6, [9, 9, 0, 0]), [], 29);
        yield return new Request("neighbour", 28, Creation, neighbour, Attribute(1, [10, 0, 0, 9]), [], 17);
        yield return new Request("neighbour deleted", 29, NoCreation, neighbour, [], [], 17);
        yield return new Request("entry of a bridge", 28, Creation, [7, .. neighbour[1..]], [], [], 17);
        yield return new Request("port of a bridge", 19, NoCreation, [7, 0, 0, 0, 99, 0, 0, 0, .. new byte[8]], [], [(12, [])], 46);
    }

    [TestCaseSource(nameof(Requests))]
    public void An_attribute_of_any_length_is_answered_as_on_the_real_kernel(Request request)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        using var simulated = new SimulatedKernel(new SimulatedKernelOptions { Profile = RouteProgram.ThisKernel() });
        using var real = new RouteSide(LinuxKernel.Open(space));
        using var mine = new RouteSide(simulated);
        simulated.NamespaceResolver = static (isDescriptor, _) => isDescriptor ? null : new SimulatedKernel();
        var differences = new List<string>();
        for (ushort type = 1; type <= request.Largest; type++)
        {
            foreach (int length in Lengths)
            {
                byte[] bytes = Build(request, type, length);
                string there = real.Ask(bytes), here = mine.Ask(bytes);
                if (there != here)
                {
                    differences.Add($"attribute {type} of {length} bytes: the kernel says {there}, the simulator {here}");
                }
            }
        }

        Assert.That(differences, Is.Empty, () => string.Join('\n', differences));
    }

    private static byte[] Build(Request request, ushort type, int length)
    {
        byte[] value = new byte[length];
        if (length > 0)
        {
            value[0] = 1;
        }

        byte[] tail = Attribute(type, value);
        foreach ((ushort nest, byte[] before) in request.Nests.Reverse())
        {
            tail = Attribute((ushort)(nest | 0x8000), [.. before, .. tail]);
        }

        byte[] body = [.. request.Header, .. request.Before, .. tail];
        return [.. BitConverter.GetBytes(16 + body.Length), .. BitConverter.GetBytes(request.Type), .. BitConverter.GetBytes(request.Flags), 1, 0, 0, 0, 0, 0, 0, 0, .. body];
    }

    private static byte[] Attribute(ushort type, byte[] value) =>
        [.. BitConverter.GetBytes((ushort)(4 + value.Length)), .. BitConverter.GetBytes(type), .. value, .. new byte[-value.Length & 3]];
}
