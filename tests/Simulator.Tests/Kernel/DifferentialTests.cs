using System.Globalization;
using System.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>
/// The same random programs of links, addresses, routes, rules and neighbours run on the simulated kernel and on this machine's, in a namespace of their own.
/// Every answer's errno and words, and what is there in the end, are the same. What comes with time (carrier, IPv6) is left out.
/// </summary>
[RequiresRoot]
public sealed class DifferentialTests
{
    private const int Steps = 120;

    private static readonly string[] Names = ["br0", "br1", "va", "vb", "vc", "vd", "if0", "nosuch"];
    private static readonly string[] Kinds = ["bridge", "veth", "ifb", "bridge", "veth", "nosuchkind"];

    private delegate void Fill(ref NetlinkWriter writer);

    /// <summary>Seeds; together a few thousand requests.</summary>
    private static IEnumerable<int> Seeds => Enumerable.Range(1, 20);

    [TestCaseSource(nameof(Seeds))]
    public void A_random_program_ends_the_same_on_both_kernels(int seed)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        Version version = Environment.OSVersion.Version;
        KernelProfile profile = (version.Minor >= 17 ? KernelProfile.Linux618 : KernelProfile.Linux612) with { LinkKinds = ["bridge", "veth", "ifb"] };
        using var simulated = new SimulatedKernel(new SimulatedKernelOptions { Profile = profile });
        using var real = new Side(LinuxKernel.Open(space));
        using var mine = new Side(simulated);
        var random = new Random(seed);
        var program = new StringBuilder();
        for (int step = 0; step < Steps; step++)
        {
            Operation operation = Operation.Draw(random);
            string there = operation.Run(real);
            string here = operation.Run(mine);
            program.Append(CultureInfo.InvariantCulture, $"{step}: {operation.Text} -> {there}\n");
            if (here != there)
            {
                Assert.Fail($"seed {seed}\n{program}the simulated kernel said: {here}");
            }
        }

        Assert.That(mine.Describe(), Is.EqualTo(real.Describe()), $"seed {seed}\n{program}");
    }

    /// <summary>One kernel and the socket it is asked through.</summary>
    private sealed class Side : IDisposable
    {
        private readonly INetlinkSocket _socket;
        private readonly NetlinkReceiveBuffer _buffer = new(16);

        public Side(IKernel kernel) => _socket = kernel.OpenNetlink(NetlinkProtocol.Route, new NetlinkSocketOptions { StrictChecking = false });

        public void Dispose() => _socket.Dispose();

        public int Index(string name)
        {
            List<byte[]> answers = Send(18, 1, (ref NetlinkWriter w) =>
            {
                w.Append(new byte[16]);
                w.WriteString(3, name);
            });
            return answers is [byte[] answer] && answer[4] == 16 ? BitConverter.ToInt32(answer, 20) : 99999;
        }

        public string Ask(ushort type, ushort flags, Fill fill)
        {
            byte[] answer = Send(type, flags, fill)[0];
            int error = -BitConverter.ToInt32(answer, 16);
            string words = "";
            if ((answer[7] & 2) != 0 && new AttributeReader(answer.AsSpan(36)).TryFind(1, out NetlinkAttribute text))
            {
                words = " " + text.String;
            }

            return ((LinuxError)error).ToString() + words;
        }

        /// <summary>Links, IPv4 addresses and routes, rules and permanent neighbours, by names instead of indexes.</summary>
        public string Describe()
        {
            var names = new Dictionary<int, string>();
            var text = new StringBuilder();
            List<byte[]> links = Dump(18, new byte[16]);
            foreach (byte[] message in links)
            {
                new AttributeReader(message.AsSpan(32)).TryFind(3, out NetlinkAttribute name);
                names[BitConverter.ToInt32(message, 20)] = name.String;
            }

            var lines = new List<string>();
            foreach (byte[] message in links)
            {
                var attributes = new AttributeReader(message.AsSpan(32));
                uint flags = BitConverter.ToUInt32(message, 24) & ~0x10040u;
                attributes.TryFind(4, out NetlinkAttribute mtu);
                attributes.TryFind(1, out NetlinkAttribute mac);
                bool hasMaster = attributes.TryFind(10, out NetlinkAttribute master);
                attributes.TryFind(20, out NetlinkAttribute alias);
                attributes.TryFind(27, out NetlinkAttribute group);
                attributes.TryFind(30, out NetlinkAttribute promiscuity);
                lines.Add($"{names[BitConverter.ToInt32(message, 20)]} {flags:x} mtu {mtu.UInt32} {Convert.ToHexString(mac.Value)} master {(hasMaster ? names[master.Int32] : "-")} "
                    + $"'{alias.String}' group {group.UInt32} promiscuity {promiscuity.UInt32}");
            }

            lines.Sort(StringComparer.Ordinal);
            text.AppendJoin('\n', lines).Append('\n');
            foreach (byte[] message in Dump(22, [2, 0, 0, 0, 0, 0, 0, 0]))
            {
                text.Append("address ").Append(Rewrite(message, 16, 8, 4, names)).Append('\n');
            }

            foreach (byte[] message in Dump(26, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
            {
                text.Append("route ").Append(Rewrite(message, 16, 12, -1, names)).Append('\n');
            }

            foreach (byte[] message in Dump(34, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
            {
                text.Append("rule ").Append(Rewrite(message, 16, 12, -1, names)).Append('\n');
            }

            return text.ToString();
        }

        private static string Rewrite(byte[] message, int start, int headerSize, int indexAt, Dictionary<int, string> names)
        {
            var text = new StringBuilder();
            byte[] header = message[start..(start + headerSize)];
            if (indexAt >= 0)
            {
                text.Append(names.GetValueOrDefault(BitConverter.ToInt32(header, indexAt))).Append(' ');
                header.AsSpan(indexAt, 4).Clear();
            }

            bool isRoute = message[4] == 24;
            if (isRoute)
            {
                // RTNH_F_LINKDOWN follows the carrier, which comes with time.
                header[8] &= 0xef;
            }

            text.Append(Convert.ToHexString(header));
            var walk = new AttributeReader(message.AsSpan(start + headerSize));
            while (walk.TryRead(out NetlinkAttribute attribute))
            {
                bool isTime = message[4] == 20 && attribute.Type == 6;
                text.Append(' ').Append(attribute.Type).Append('=').Append(
                    isTime ? "" : isRoute && attribute.Type == 4 ? names.GetValueOrDefault(attribute.Int32) : Convert.ToHexString(attribute.Value));
            }

            return text.ToString();
        }

        private List<byte[]> Dump(ushort type, byte[] header)
        {
            var messages = new List<byte[]>();
            List<byte[]> answers = Send(type, 0x301, (ref NetlinkWriter w) => w.Append(header));
            while (true)
            {
                foreach (byte[] message in answers)
                {
                    if (message[4] == 3)
                    {
                        return messages;
                    }

                    messages.Add(message);
                }

                answers = Receive();
            }
        }

        private List<byte[]> Send(ushort type, ushort flags, Fill fill)
        {
            var buffer = new NetlinkBuffer(512);
            var writer = new NetlinkWriter(buffer);
            WireMark mark = writer.BeginMessage(type, (NetlinkMessageFlags)flags, 1);
            fill(ref writer);
            writer.EndMessage(mark);
            writer.Complete();
            _socket.Send(buffer.Written);
            return Receive();
        }

        private List<byte[]> Receive()
        {
            var messages = new List<byte[]>();
            _socket.Receive(_buffer);
            for (int index = 0; index < _buffer.Count; index++)
            {
                var walk = new MessageReader(_buffer.Bytes(index));
                while (walk.TryRead(out NetlinkMessage message))
                {
                    messages.Add(message.Bytes.ToArray());
                }
            }

            return messages;
        }
    }

    /// <summary>One request, in words and as something to be sent.</summary>
    private sealed record Operation(string Text, Func<Side, string> Run)
    {
        public static Operation Draw(Random random)
        {
            string name = Names[random.Next(Names.Length)];
            string other = Names[random.Next(Names.Length)];
            byte[] mac = [(byte)(random.Next(12) == 0 ? 3 : 2), 0, 0, 0, (byte)random.Next(4), (byte)random.Next(256)];
            byte[] address = [10, (byte)random.Next(2), 0, (byte)random.Next(1, 4)];
            byte length = (byte)(random.Next(10) switch { 0 => 33, 1 => 32, 2 => 31, 3 => 16, _ => 24 });
            switch (random.Next(16))
            {
                case 0 or 1:
                    string kind = Kinds[random.Next(Kinds.Length)];
                    ushort creation = random.Next(3) == 0 ? (ushort)0x405 : (ushort)0x605;
                    return new Operation($"link add {name} type {kind} peer {other} {Convert.ToHexString(mac)} flags {creation:x}", side => side.Ask(16, creation, (ref NetlinkWriter w) =>
                    {
                        w.Append(new byte[16]);
                        w.WriteString(3, name);
                        w.WriteBytes(1, mac);
                        WireMark info = w.BeginNested(18);
                        w.WriteString(1, kind);
                        if (kind == "veth")
                        {
                            WireMark data = w.BeginNested(2);
                            WireMark peer = w.BeginNested(1);
                            w.Append(new byte[16]);
                            w.WriteString(3, other);
                            w.WriteBytes(1, [2, 1, 0, 0, mac[4], mac[5]]);
                            w.EndAttribute(peer);
                            w.EndAttribute(data);
                        }

                        w.EndAttribute(info);
                    }));
                case 2:
                    return new Operation($"link del {name}", side => side.Ask(17, 5, (ref NetlinkWriter w) => Named(ref w, name)));
                case 3 or 4 or 5:
                    bool up = random.Next(4) != 0;
                    return new Operation($"link set {name} {(up ? "up" : "down")}", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
                    {
                        w.AppendStruct(0L);
                        w.AppendStruct(up ? 1 : 0);
                        w.AppendStruct(1);
                        w.WriteString(3, name);
                    }));
                case 6:
                    return new Operation($"link set {name} master {other}", side =>
                    {
                        int master = side.Index(other);
                        return side.Ask(16, 5, (ref NetlinkWriter w) =>
                        {
                            Named(ref w, name);
                            w.WriteInt32(10, master);
                        });
                    });
                case 7:
                    return new Operation($"link set {name} nomaster", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
                    {
                        Named(ref w, name);
                        w.WriteInt32(10, 0);
                    }));
                case 8:
                    uint mtu = (uint)random.Next(1280, 1600) - (random.Next(8) == 0 ? 1279u : 0);
                    return new Operation($"link set {name} mtu {mtu}", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
                    {
                        Named(ref w, name);
                        w.WriteUInt32(4, mtu);
                    }));
                case 9:
                    return new Operation($"link set {name} alias/group", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
                    {
                        Named(ref w, name);
                        w.WriteBytes(20, "hello"u8);
                        w.WriteUInt32(27, 3);
                    }));
                case 10 or 11:
                    bool add = random.Next(3) != 0;
                    return new Operation($"addr {(add ? "add" : "del")} {string.Join('.', address)}/{length} dev {name}", side =>
                    {
                        int index = side.Index(name);
                        return side.Ask(add ? (ushort)20 : (ushort)21, add ? (ushort)0x605 : (ushort)5, (ref NetlinkWriter w) =>
                        {
                            w.Append([2, length, 0, 0]);
                            w.AppendStruct(index);
                            w.WriteBytes(2, address);
                            w.WriteBytes(1, address);
                        });
                    });
                case 12 or 13:
                    ushort verb = random.Next(4) == 0 ? (ushort)25 : (ushort)24;
                    ushort flags = verb == 25 ? (ushort)5 : random.Next(3) switch { 0 => (ushort)0x505, 1 => (ushort)0xc05, _ => (ushort)0x605 };
                    byte[] destination = [10, (byte)random.Next(20, 23), 0, 0];
                    bool viaGateway = random.Next(2) == 0;
                    byte type = random.Next(6) == 0 ? (byte)6 : (byte)1;
                    return new Operation($"route verb {verb} flags {flags:x} type {type} {string.Join('.', destination)}/16 {(viaGateway ? "via " + string.Join('.', address) : "dev " + name)}", side =>
                    {
                        int index = side.Index(name);
                        return side.Ask(verb, flags, (ref NetlinkWriter w) =>
                        {
                            bool isDelete = verb == 25;
                            w.Append([2, 16, 0, 0, 254, isDelete ? (byte)0 : (byte)3, isDelete ? (byte)255 : viaGateway || type == 6 ? (byte)0 : (byte)253, type, 0, 0, 0, 0]);
                            w.WriteBytes(1, destination);
                            if (type == 6)
                            {
                                return;
                            }

                            if (viaGateway)
                            {
                                w.WriteBytes(5, address);
                            }
                            else
                            {
                                w.WriteInt32(4, index);
                            }
                        });
                    });
                case 14:
                    bool addRule = random.Next(3) != 0;
                    uint preference = (uint)random.Next(100, 104);
                    return new Operation($"rule {(addRule ? "add" : "del")} pref {preference}", side => side.Ask(addRule ? (ushort)32 : (ushort)33, addRule ? (ushort)0x605 : (ushort)5, (ref NetlinkWriter w) =>
                    {
                        w.Append([2, 0, 0, 0, 100, 0, 0, 1, 0, 0, 0, 0]);
                        w.WriteUInt32(6, preference);
                    }));
                default:
                    bool addNeighbour = random.Next(3) != 0;
                    return new Operation($"neigh {(addNeighbour ? "add" : "del")} {string.Join('.', address)} dev {name}", side =>
                    {
                        int index = side.Index(name);
                        return side.Ask(addNeighbour ? (ushort)28 : (ushort)29, addNeighbour ? (ushort)0x605 : (ushort)5, (ref NetlinkWriter w) =>
                        {
                            w.Append([2, 0, 0, 0]);
                            w.AppendStruct(index);
                            w.Append([0x80, 0, 0, 0]);
                            w.WriteBytes(1, address);
                            if (addNeighbour)
                            {
                                w.WriteBytes(2, mac);
                            }
                        });
                    });
            }
        }

        private static void Named(ref NetlinkWriter w, string name)
        {
            w.Append(new byte[16]);
            w.WriteString(3, name);
        }
    }
}
