using System.Globalization;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Simulator.Tests.Fabric;

/// <summary>The links that tests make by rtnetlink, as ip would.</summary>
internal static class Links
{
    private const ushort NewLink = 16;
    private const ushort Name = 3, LowerLink = 5, Master = 10, LinkInfo = 18, InfoKind = 1, InfoData = 2, VlanId = 1;

    public static void AddBridge(SimulatedHost host, string name) => Send(host, NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive, 0, (ref NetlinkWriter writer) =>
    {
        writer.WriteString(Name, name);
        WireMark info = writer.BeginNested(LinkInfo);
        writer.WriteString(InfoKind, "bridge");
        writer.EndAttribute(info);
    });

    public static void AddVlan(SimulatedHost host, string lower, int id) => Send(host, NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive, 0, (ref NetlinkWriter writer) =>
    {
        writer.WriteUInt32(LowerLink, (uint)host.Kernel.Devices.Find(lower)!.Index);
        writer.WriteString(Name, string.Create(CultureInfo.InvariantCulture, $"{lower}.{id}"));
        WireMark info = writer.BeginNested(LinkInfo);
        writer.WriteString(InfoKind, "vlan");
        WireMark data = writer.BeginNested(InfoData);
        writer.WriteUInt16(VlanId, (ushort)id);
        writer.EndAttribute(data);
        writer.EndAttribute(info);
    });

    public static void Enslave(SimulatedHost host, string name, string master) => Send(host, 0, host.Kernel.Devices.Find(name)!.Index, (ref NetlinkWriter writer) =>
        writer.WriteUInt32(Master, (uint)host.Kernel.Devices.Find(master)!.Index));

    private delegate void Attributes(ref NetlinkWriter writer);

    private static void Send(SimulatedHost host, NetlinkMessageFlags flags, int index, Attributes attributes)
    {
        using INetlinkSocket socket = host.Kernel.OpenNetlink(NetlinkProtocol.Route);
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(NewLink, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge | flags, 1);
        byte[] header = new byte[16];
        BitConverter.TryWriteBytes(header.AsSpan(4), index);
        writer.Append(header);
        attributes(ref writer);
        writer.EndMessage(message);
        writer.Complete();
        socket.Send(buffer.Written);
        var received = new NetlinkReceiveBuffer();
        socket.Receive(received);
        var reader = new MessageReader(received.Bytes(0));
        reader.TryRead(out NetlinkMessage answer);
        int error = -BitConverter.ToInt32(answer.Payload[..4]);
        if (error != 0)
        {
            throw new KernelException("change link", (LinuxError)error);
        }
    }
}
