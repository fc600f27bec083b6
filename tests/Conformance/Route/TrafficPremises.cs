using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;

namespace EucaNet.Conformance;

/// <summary>What an outcome of tc says about queueing disciplines and filters that rows the file doesn't hold had made or deleted, as the requests that make it so.</summary>
internal static class TrafficPremises
{
    private const uint Root = 0xffffffff;
    private const uint Ingress = 0xfffffff1;

    /// <summary>The requests to send before <paramref name="request"/> is tried again; none where nothing is known.</summary>
    /// <param name="request">A request for a qdisc, class or filter.</param>
    /// <param name="recorded">The recorded answer.</param>
    /// <param name="simulated">The errno that the simulation gave.</param>
    public static IEnumerable<byte[]> Needed(byte[] request, byte[] recorded, int simulated)
    {
        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(request.AsSpan(4));
        int index = BinaryPrimitives.ReadInt32LittleEndian(request.AsSpan(20));
        uint handle = BinaryPrimitives.ReadUInt32LittleEndian(request.AsSpan(24));
        uint parent = BinaryPrimitives.ReadUInt32LittleEndian(request.AsSpan(28));
        string kind = new AttributeReader(request.AsSpan(36)).TryFind(1, out NetlinkAttribute name) ? name.String : "";
        string text = Encoding.Latin1.GetString(recorded);
        bool refused = BinaryPrimitives.ReadInt32LittleEndian(recorded.AsSpan(16)) < 0;
        switch (type)
        {
            case 36 when !refused && simulated == -17:
                return [Delete(index, parent)];
            case 36 or 37 when refused && text.Contains("Invalid qdisc name", StringComparison.Ordinal):
                return parent == Ingress
                    ? [Delete(index, Ingress), Qdisc(index, Ingress, 0xffff0000, kind == "clsact" ? "ingress" : "clsact")]
                    : [Delete(index, parent), Qdisc(index, parent, handle, kind == "pfifo" ? "bfifo" : "pfifo")];
            case 37 when !refused:
                return [Qdisc(index, parent, parent == Ingress ? 0xffff0000 : handle, kind.Length > 0 ? kind : parent == Ingress ? "ingress" : "pfifo")];
            case 37 when refused && simulated == 0:
                return [Delete(index, parent)];
            case 40 when !refused || text.Contains("File exists", StringComparison.Ordinal):
                // The kernel finds a rate too big for what a class may send in a row only if the discipline divides it by little.
                bool isBig = text.Contains("is big", StringComparison.Ordinal);
                return [Delete(index, Root), Qdisc(index, Root, (parent != Root ? parent : handle) & 0xffff0000, "htb", isBig ? 1u : 10u)];
            case 44 or 45 or 46 when (parent & 0xffff0000) == 0xffff0000 && !text.Contains("Parent Qdisc", StringComparison.Ordinal):
                return [Qdisc(index, Ingress, 0xffff0000, "clsact")];
            case 44 or 45 or 46 when parent != 0 && simulated == -22 && !text.Contains("Parent Qdisc", StringComparison.Ordinal):
                return [Delete(index, Root), Qdisc(index, Root, parent & 0xffff0000, "htb")];
            default:
                return [];
        }
    }

    private static byte[] Delete(int index, uint parent) => Build(37, 5, index, 0, parent, "", []);

    private static byte[] Qdisc(int index, uint parent, uint handle, string kind, uint rateToQuantum = 10) => Build(36, 0x505, index, handle, parent, kind, kind switch
    {
        "htb" => [24, 0, 2, 0, 3, 0, 0, 0, (byte)rateToQuantum, 0, 0, 0, .. new byte[12]],
        "prio" => [3, 0, 0, 0, 1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
        _ => [],
    });

    private static byte[] Build(ushort type, ushort flags, int index, uint handle, uint parent, string kind, byte[] options)
    {
        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, (NetlinkMessageFlags)flags, 0);
        writer.Append(new byte[4]);
        writer.AppendStruct(index);
        writer.AppendStruct(handle);
        writer.AppendStruct(parent);
        writer.Append(new byte[4]);
        if (kind.Length > 0)
        {
            writer.WriteString(1, kind);
        }

        if (options.Length > 0)
        {
            writer.WriteBytes(2, options);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
