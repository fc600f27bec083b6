using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Route;

/// <summary>One next hop of a group (struct nexthop_grp).</summary>
/// <param name="Id">The next hop's id.</param>
/// <param name="Weight">Its share of the traffic, 1 to 256; up to 65,536 since Linux 6.12.</param>
public readonly record struct NextHopGroupMember(uint Id, int Weight = 1)
{
    private const int Size = 8;

    internal static bool TryReadList(in NetlinkAttribute attribute, [NotNullWhen(true)] out EquatableList<NextHopGroupMember>? members)
    {
        members = null;
        ReadOnlySpan<byte> value = attribute.Value;
        var list = new List<NextHopGroupMember>();
        for (; value.Length >= Size; value = value[Size..])
        {
            // What is reserved holds nothing; otherwise the bytes are kept as they are.
            if (value[6] != 0 || value[7] != 0)
            {
                return false;
            }

            list.Add(new NextHopGroupMember(BitConverter.ToUInt32(value), (value[5] << 8 | value[4]) + 1));
        }

        members = [.. list];
        return value.IsEmpty;
    }

    internal static void WriteList(ref NetlinkWriter writer, in WireEntry entry, EquatableList<NextHopGroupMember>? members)
    {
        if (members is null)
        {
            return;
        }

        WireMark mark = writer.BeginAttribute(entry.RawType);
        foreach (NextHopGroupMember member in members)
        {
            if (member.Weight is < 1 or > 65_536)
            {
                throw new NetlinkEncodingException($"Next hop {member.Id} of a group cannot have the weight {member.Weight}; weights are 1 to 65,536.");
            }

            writer.AppendStruct(member.Id);
            writer.AppendStruct((uint)(member.Weight - 1));
        }

        writer.EndAttribute(mark);
    }
}
