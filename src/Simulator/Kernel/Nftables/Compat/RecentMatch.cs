using System.Buffers.Binary;
using System.Text;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>The recent match: lists of addresses under a name, with when each was seen. Each kernel has its own lists.</summary>
internal static class RecentMatch
{
    private const byte Check = 1, Set = 2, Update = 4, Remove = 8, Ttl = 16;
    private const int MostStamps = 20;

    public static bool Matches(Extension extension, ReadOnlySpan<byte> data, SimulatedKernel kernel, HookContext context)
    {
        byte mode = data[8], inverted = data[9], side = data[210];
        uint seconds = BinaryPrimitives.ReadUInt32LittleEndian(data), hits = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
        ReadOnlySpan<byte> nameBytes = data.Slice(10, 200);
        string name = Encoding.Latin1.GetString(nameBytes[..Math.Max(0, nameBytes.IndexOf((byte)0))]);
        int length = context.Packet.Protocol == EtherType.Ipv6 ? 16 : 4;
        int offset = length == 4 ? side == 0 ? 12 : 16 : side == 0 ? 8 : 24;
        byte[] address = context.Packet.Network.Slice(offset, length).ToArray();
        if (extension.Revision >= 1)
        {
            for (int i = 0; i < length; i++)
            {
                address[i] &= data[212 + i];
            }
        }

        string key = Convert.ToHexString(address);
        Dictionary<string, Dictionary<string, List<DateTimeOffset>>> lists = kernel.Nftables.RecentLists;
        if (!lists.TryGetValue(name, out Dictionary<string, List<DateTimeOffset>>? list))
        {
            lists[name] = list = [];
        }

        DateTimeOffset now = kernel.Time.GetUtcNow();
        bool invert = inverted != 0;
        if (!list.TryGetValue(key, out List<DateTimeOffset>? stamps))
        {
            if ((mode & Set) == 0)
            {
                return invert;
            }

            list[key] = [now];
            return !invert;
        }

        bool matches = invert;
        if ((mode & Set) != 0)
        {
            matches = !invert;
        }
        else if ((mode & Remove) != 0)
        {
            list.Remove(key);
            return !invert;
        }
        else if ((mode & (Check | Update)) != 0)
        {
            int seen = stamps.Count(stamp => seconds == 0 || (now - stamp).TotalSeconds <= seconds);
            matches = (seen > 0 && (hits == 0 || seen >= hits)) != invert;
        }

        if ((mode & Set) != 0 || (mode & Update) != 0 && matches)
        {
            stamps.Add(now);
            if (stamps.Count > MostStamps)
            {
                stamps.RemoveAt(0);
            }
        }

        return matches;
    }
}
