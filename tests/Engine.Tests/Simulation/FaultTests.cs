using System.Net.Sockets;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>A kernel that refuses one system call, whichever it is, leaves the front-end and the kernel as they were.</summary>
public class FaultTests
{
    /// <summary>Passes everything on to another kernel, but refuses the send with a certain number.</summary>
    private sealed class FaultyKernel(IKernel inner) : IKernel
    {
        /// <summary>Sends until one is refused; below zero none is.</summary>
        public int Countdown { get; set; } = -1;

        public bool Refused { get; private set; }

        public TimeProvider Time => inner.Time;

        public void Arm(int countdown)
        {
            Countdown = countdown;
            Refused &= countdown < 0;
        }

        public void Count()
        {
            if (Countdown >= 0 && Countdown-- == 0)
            {
                Refused = true;
                throw new KernelException("send", LinuxError.ENOBUFS);
            }
        }

        public INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null) => new Socket(this, inner.OpenNetlink(protocol, options));

        public IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null)
        {
            Count();
            return inner.OpenPacket(interfaceIndex, etherType, filter);
        }

        public IDisposable ReserveUdpPort(string interfaceName, ushort port)
        {
            Count();
            return inner.ReserveUdpPort(interfaceName, port);
        }

        public IXtablesSocket OpenXtables(AddressFamily family) => inner.OpenXtables(family);

        public string? ReadParameter(string path) => inner.ReadParameter(path);

        public void WriteParameter(string path, string value) => inner.WriteParameter(path, value);

        private sealed class Socket(FaultyKernel kernel, INetlinkSocket inner) : INetlinkSocket
        {
            public uint PortId => inner.PortId;

            public int SendBufferSize => inner.SendBufferSize;

            public void Send(ReadOnlySpan<byte> datagram)
            {
                kernel.Count();
                inner.Send(datagram);
            }

            public int Receive(NetlinkReceiveBuffer buffer) => inner.Receive(buffer);

            public ValueTask WaitReadableAsync(CancellationToken cancellationToken = default) => inner.WaitReadableAsync(cancellationToken);

            public void Join(uint group) => inner.Join(group);

            public void Leave(uint group) => inner.Leave(group);

            public int RequestSendBuffer(int bytes) => inner.RequestSendBuffer(bytes);

            public void Dispose() => inner.Dispose();
        }
    }

    private static readonly IngressRule Ping = new() { Protocol = 1, Source = Ipv4Network.Parse("0.0.0.0/0") };

    private static async Task<string> Print(FrontEnd front) => string.Join('\n',
    [
        .. (await front.ListInstancesAsync()).Select(i => $"{i.Assignment} {i.PublicAddress}"),
        .. (await front.ListNetworksAsync()).Select(n => n.ToString()),
        .. (await front.ListRulesAsync()).Select(r => r.ToString()),
        .. (await front.ListAddressesAsync()).Select(a => a.ToString()),
    ]);

    [TestCase("run the first instance of a group")]
    [TestCase("run with a public address")]
    [TestCase("authorize")]
    [TestCase("revoke")]
    [TestCase("associate")]
    [TestCase("disassociate")]
    public async Task Whatever_is_refused_leaves_everything_as_it_was_or_done(string operation)
    {
        int refusals = 0;
        for (int fault = 0; ; fault++)
        {
            string directory = Directory.CreateTempSubdirectory("euca").FullName;
            try
            {
                await using ManagedCloud cloud = await ManagedCloud.StartAsync();
                var kernel = new FaultyKernel(cloud.FrontHost.Kernel);
                var options = new EngineOptions { StateDirectory = directory };
                await using (var front = new FrontEnd(kernel, cloud.FrontEndConfiguration, options))
                {
                    await front.StartAsync();
                    await front.RunInstanceAsync(new InstanceRequest { InstanceId = "i-00000001", User = "alice", Group = "web", PublicAddress = Ipv4Address.Parse("203.0.113.10") });
                    await front.RunInstanceAsync(new InstanceRequest { InstanceId = "i-00000002", User = "alice", Group = "web" });
                    await front.AuthorizeAsync("alice", "web", new IngressRule { Protocol = 6, Source = Ipv4Network.Parse("10.0.0.0/8") });
                    string before = await Print(front);
                    kernel.Arm(fault);
                    bool failed = false;
                    try
                    {
                        _ = operation switch
                        {
                            "run the first instance of a group" => (await front.RunInstanceAsync(new InstanceRequest { InstanceId = "i-00000003", User = "bob" })).Changes,
                            "run with a public address" => (await front.RunInstanceAsync(new InstanceRequest { InstanceId = "i-00000003", User = "alice", Group = "web", AnyPublicAddress = true })).Changes,
                            "authorize" => await front.AuthorizeAsync("alice", "web", Ping),
                            "revoke" => await front.RevokeAsync("alice", "web", new IngressRule { Protocol = 6, Source = Ipv4Network.Parse("10.0.0.0/8") }),
                            "associate" => await front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.11"), "i-00000002"),
                            _ => await front.DisassociateAddressAsync(Ipv4Address.Parse("203.0.113.10")),
                        };
                    }
                    catch (Exception refused) when (refused is EngineException or KernelException)
                    {
                        failed = true;
                    }

                    kernel.Arm(-1);
                    refusals += kernel.Refused ? 1 : 0;
                    string now = await Print(front);
                    Assert.That(!failed || now == before, $"fault {fault}: an error says that everything is as before");
                    ChangeSummary repair = await front.ReconcileAsync();
                    Assert.That(await Print(front), Is.EqualTo(now), $"fault {fault}");
                    Assert.That(!failed || repair.ToString() == "nothing to do", $"fault {fault}: {repair}");
                    if (!kernel.Refused && fault > 0)
                    {
                        Assert.That(refusals, Is.GreaterThan(0));
                        return;
                    }
                }

                // Another engine on the same state finds the kernel right.
                await using var restarted = new FrontEnd(cloud.FrontHost.Kernel, cloud.FrontEndConfiguration, options);
                Assert.That((await restarted.StartAsync()).ToString(), Is.EqualTo("nothing to do"), $"fault {fault}");
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }
}
