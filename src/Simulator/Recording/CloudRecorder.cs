using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Recording;

/// <summary>
/// Records all that crosses devices and netlink sockets of a cloud, in one timeline: as pcapng (an interface for each device
/// and for each machine's netlink), and as a transcript of one line an event. The transcript of a seed is the same byte for
/// byte on every run; each line ends with a hash of the whole frame or datagram.
/// </summary>
public sealed class CloudRecorder : IDisposable
{
    private const ushort NetlinkHardwareType = 824;

    private readonly SimulatedCloud _cloud;
    private readonly PcapngWriter? _capture;
    private readonly TextWriter? _transcript;
    private readonly Dictionary<(string Host, string Interface), int> _interfaces = [];
    private readonly List<Action> _detach = [];

    /// <summary>Begins to record, machines that come later included.</summary>
    /// <param name="cloud">What is recorded.</param>
    /// <param name="capture">Where the pcapng goes; null for none.</param>
    /// <param name="transcript">Where the transcript goes; null for none.</param>
    public CloudRecorder(SimulatedCloud cloud, Stream? capture = null, TextWriter? transcript = null)
    {
        ArgumentNullException.ThrowIfNull(cloud);
        _cloud = cloud;
        _capture = capture is null ? null : new PcapngWriter(capture, leaveOpen: true);
        _transcript = transcript;
        foreach (SimulatedHost host in cloud.Hosts)
        {
            Attach(host);
        }

        cloud.HostAdded += Attach;
    }

    /// <summary>Events recorded.</summary>
    public long Count { get; private set; }

    /// <summary>Stops recording; the streams stay open.</summary>
    public void Dispose()
    {
        _cloud.HostAdded -= Attach;
        _detach.ForEach(static detach => detach());
        _detach.Clear();
        _capture?.Dispose();
        _transcript?.Flush();
    }

    private void Attach(SimulatedHost host)
    {
        void OnFrame(NetworkDevice device, Packet packet, bool outgoing) => Frame(host, device, packet, outgoing);
        void OnNetlink(uint portId, int protocol, ReadOnlySpan<byte> datagram, bool toKernel) => Netlink(host, portId, protocol, datagram, toKernel);
        host.Kernel.Stack.Link.Tap += OnFrame;
        host.Kernel.NetlinkTap += OnNetlink;
        _detach.Add(() =>
        {
            host.Kernel.Stack.Link.Tap -= OnFrame;
            host.Kernel.NetlinkTap -= OnNetlink;
        });
    }

    private void Frame(SimulatedHost host, NetworkDevice device, Packet packet, bool outgoing)
    {
        Count++;
        byte[] frame = packet.ToWire();
        _capture?.Packet(Interface(host.Name, device.Name, CaptureLinkType.Ethernet), _cloud.Clock.GetUtcNow(), frame, outgoing);
        _transcript?.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Time} {host.Name} {device.Name} {(outgoing ? "out" : "in")} {FrameSummary.Describe(packet)} {Hash(frame):x16}"));
    }

    private void Netlink(SimulatedHost host, uint portId, int protocol, ReadOnlySpan<byte> datagram, bool toKernel)
    {
        Count++;
        if (_capture is not null)
        {
            byte[] cooked = new byte[16 + datagram.Length];
            BinaryPrimitives.WriteUInt16BigEndian(cooked, toKernel ? (ushort)4 : (ushort)0);
            BinaryPrimitives.WriteUInt16BigEndian(cooked.AsSpan(2), NetlinkHardwareType);
            BinaryPrimitives.WriteUInt16BigEndian(cooked.AsSpan(14), (ushort)protocol);
            datagram.CopyTo(cooked.AsSpan(16));
            _capture.Packet(Interface(host.Name, "netlink", CaptureLinkType.Netlink), _cloud.Clock.GetUtcNow(), cooked, toKernel);
        }

        if (_transcript is not null)
        {
            var text = new System.Text.StringBuilder();
            var reader = new MessageReader(datagram);
            while (reader.TryRead(out NetlinkMessage message))
            {
                text.Append(CultureInfo.InvariantCulture, $" type 0x{message.Header.Type:x} flags 0x{(ushort)message.Header.Flags:x} length {message.Header.Length}");
                if (message.Header.Type == NetlinkMessageType.Error && message.Payload.Length >= 4)
                {
                    text.Append(CultureInfo.InvariantCulture, $" error {MemoryMarshal.Read<int>(message.Payload)}");
                }
            }

            _transcript.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{Time} {host.Name} netlink {protocol} port {portId} {(toKernel ? "request" : "reply")}{text} {Hash(datagram):x16}"));
        }
    }

    private string Time => _cloud.Clock.Elapsed.TotalSeconds.ToString("0.000000", CultureInfo.InvariantCulture);

    private int Interface(string host, string name, CaptureLinkType linkType)
    {
        if (!_interfaces.TryGetValue((host, name), out int number))
        {
            _interfaces.Add((host, name), number = _capture!.AddInterface($"{host}:{name}", linkType));
        }

        return number;
    }

    /// <summary>FNV-1a, 64 bits: to tell contents apart, not to protect them.</summary>
    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 0xcbf29ce484222325;
        foreach (byte octet in bytes)
        {
            hash = (hash ^ octet) * 0x100000001b3;
        }

        return hash;
    }
}
