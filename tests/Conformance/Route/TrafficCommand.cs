using System.Buffers.Binary;
using System.Globalization;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Conformance;

/// <summary>Understands the commands of tc that the recordings of events hold: qdiscs of htb and clsact, and classes of htb with a rate.</summary>
internal sealed class TrafficCommand(SimulatedKernel kernel)
{
    /// <summary>tc qdisc add dev X root handle N: htb default M; tc qdisc add dev X clsact.</summary>
    public int? AddQdisc(string[] words)
    {
        int index = Index(words);
        if (words.Contains("clsact"))
        {
            return Send(36, index, 0xffff0000, 0xfffffff1, "clsact", []);
        }

        uint handle = Handle(After(words, "handle") ?? "0");
        if (!words.Contains("htb"))
        {
            return null;
        }

        uint standard = uint.Parse(After(words, "default") ?? "0", NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        byte[] options = [24, 0, 2, 0, 3, 0, 0, 0, 10, 0, 0, 0, .. BitConverter.GetBytes(standard), .. new byte[8]];
        return Send(36, index, handle, uint.MaxValue, "htb", options);
    }

    /// <summary>tc class add dev X parent N: classid N:M htb rate Rmbit.</summary>
    public int? AddClass(string[] words)
    {
        if (!words.Contains("htb") || After(words, "rate") is not { } rate || !rate.EndsWith("mbit", StringComparison.Ordinal))
        {
            return null;
        }

        byte[] parameters = new byte[44];
        parameters[1] = 1;
        parameters[13] = 1;
        uint bytes = uint.Parse(rate[..^4], CultureInfo.InvariantCulture) * 125000;
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(8), bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(20), bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(24), 20000);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(28), 20000);
        return Send(40, Index(words), Handle(After(words, "classid") ?? "0"), Handle(After(words, "parent") ?? "0"), "htb", [48, 0, 1, 0, .. parameters]);
    }

    private int Index(string[] words) => After(words, "dev") is { } name && kernel.Devices.Find(name) is { } device ? device.Index : 0;

    private static string? After(string[] words, string word) => Array.IndexOf(words, word) is >= 0 and int at && at + 1 < words.Length ? words[at + 1] : null;

    private static uint Handle(string text)
    {
        string[] parts = text.Split(':');
        uint major = parts[0].Length == 0 ? 0 : uint.Parse(parts[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        uint minor = parts.Length < 2 || parts[1].Length == 0 ? 0 : uint.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return major << 16 | minor;
    }

    private int Send(ushort type, int index, uint handle, uint parent, string kind, byte[] options)
    {
        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, (NetlinkMessageFlags)0x605, 1);
        writer.Append(new byte[4]);
        writer.AppendStruct(index);
        writer.AppendStruct(handle);
        writer.AppendStruct(parent);
        writer.Append(new byte[4]);
        writer.WriteString(1, kind);
        if (options.Length > 0)
        {
            writer.WriteBytes(2, options);
        }

        writer.EndMessage(message);
        writer.Complete();
        using var socket = (SimulatedNetlinkSocket)kernel.OpenNetlink(NetlinkProtocol.Route);
        socket.Send(buffer.Written);
        return socket.ReceiveOne() is { } answer ? RoutePremises.Outcome([answer]) ?? 0 : 0;
    }
}
