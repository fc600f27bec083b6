using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;

namespace EucaNet.Conformance;

/// <summary>Compares rtnetlink messages, with everything masked that is time, statistics or the process that asked.</summary>
internal static class RouteTranscript
{
    private static readonly HashSet<ushort> LinkStatistics = [7, 23];

    /// <summary>Compares datagram by datagram.</summary>
    public static CheckResult Compare(IReadOnlyList<byte[]> expected, IReadOnlyList<byte[]> actual) => TextDifference.Of(Describe(expected), Describe(actual));

    /// <summary>One line a message, one a top-level attribute of links; an empty line between datagrams.</summary>
    public static string Describe(IReadOnlyList<byte[]> datagrams, bool withBoundaries = true)
    {
        var text = new StringBuilder();
        foreach (byte[] datagram in datagrams)
        {
            var lines = new List<string>();
            bool isHashed = false;
            var walk = new MessageReader(datagram);
            while (walk.TryRead(out NetlinkMessage message))
            {
                // Neighbours are dumped in the order of a hash that is another with each boot.
                isHashed |= message.Header.Type == 28 && message.Payload[0] is 2 or 10 && (message.Header.Flags & NetlinkMessageFlags.Multi) != 0;
                var line = new StringBuilder();
                Describe(line, message);
                lines.Add(line.ToString());
            }

            foreach (string line in isHashed ? lines.Order(StringComparer.Ordinal) : lines.AsEnumerable())
            {
                text.Append(line);
            }

            if (withBoundaries)
            {
                text.Append("--\n");
            }
        }

        return text.ToString();
    }

    /// <summary>One message on one line; links have their attributes on lines of their own.</summary>
    public static void Describe(StringBuilder text, NetlinkMessage message)
    {
        ushort type = message.Header.Type;
        text.Append(System.Globalization.CultureInfo.InvariantCulture, $"type {type} flags {(ushort)message.Header.Flags:x} ");
        byte[] payload = message.Payload.ToArray();
        if (type == NetlinkMessageType.Error)
        {
            // The request that failed is repeated with its own sequence number.
            if (payload.Length >= 20)
            {
                payload.AsSpan(12, 8).Clear();
            }

            text.Append(Convert.ToHexStringLower(payload)).Append('\n');
            return;
        }

        if (type is 16 or 17 && payload.Length >= 16)
        {
            text.Append(Convert.ToHexStringLower(payload.AsSpan(0, 16))).Append('\n');
            DescribeLink(text, payload.AsSpan(16), payload[0]);
            return;
        }

        Mask(type, payload);
        text.Append(Convert.ToHexStringLower(payload)).Append('\n');
    }

    private static void DescribeLink(StringBuilder text, ReadOnlySpan<byte> attributes, byte family)
    {
        var walk = new AttributeReader(attributes);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            byte[] value = attribute.Value.ToArray();
            switch (attribute.Type)
            {
                case 26 when family == 0:
                    MaskFamilies(value);
                    break;
                case 12 when family == 10:
                    MaskInet6(value);
                    break;
                case 12 when family == 7:
                    MaskPort(value);
                    break;
                case 18:
                    MaskInfo(value);
                    break;
                default:
                    if (LinkStatistics.Contains(attribute.Type))
                    {
                        Array.Clear(value);
                    }

                    break;
            }

            text.Append("  ").Append(attribute.Type).Append(attribute.IsNested ? "N=" : "=").Append(Convert.ToHexStringLower(value)).Append('\n');
        }
    }

    private static void MaskFamilies(Span<byte> families) => ForEach(families, static (type, value) =>
    {
        if (type == 10)
        {
            MaskInet6(value);
        }
    });

    /// <summary>Timestamp and reachable time of IFLA_INET6_CACHEINFO, and the statistics.</summary>
    private static void MaskInet6(Span<byte> attributes) => ForEach(attributes, static (type, value) =>
    {
        if (type == 5)
        {
            value[4..12].Clear();
        }
        else if (type == 1)
        {
            // IF_RS_SENT comes a random time after the link.
            value[0] &= 0xef;
        }
        else if (type is 3 or 6)
        {
            value[8..].Clear();
        }
    });

    private static void MaskInfo(Span<byte> info) => ForEach(info, static (type, value) =>
    {
        if (type == 2)
        {
            // The four timers of a bridge, and how many addresses it learned from packets.
            ForEach(value, static (inner, content) =>
            {
                if (inner is >= 16 and <= 19 && content.Length == 8)
                {
                    content.Clear();
                }

                if (inner is 48 && content.Length == 4)
                {
                    content.Clear();
                }
            });
        }
        else if (type == 5)
        {
            MaskPort(value);
        }
    });

    /// <summary>The timers of a bridge port, and how many multicast groups it has from packets.</summary>
    private static void MaskPort(Span<byte> attributes) => ForEach(attributes, static (type, value) =>
    {
        if ((type is >= 21 and <= 23 && value.Length == 8) || type == 41)
        {
            value.Clear();
        }
    });

    private static void Mask(ushort type, Span<byte> payload)
    {
        switch (type)
        {
            case 20 or 21 when payload.Length > 8:
                ForEach(payload[8..], static (attribute, value) =>
                {
                    if (attribute == 6)
                    {
                        // Timestamps, and what is left of the lifetimes, to within a hundred seconds.
                        value[8..].Clear();
                        Round(value);
                        Round(value[4..]);
                    }
                });
                break;
            case 24 or 25 or 26 when payload.Length > 12:
                ForEach(payload[12..], static (attribute, value) =>
                {
                    if (attribute == 12 && value.Length >= 12)
                    {
                        value[..4].Clear();
                        value[4..8].Clear();
                        if (value[8..12].IndexOfAnyExcept((byte)0) >= 0)
                        {
                            value[8..12].Fill(1);
                        }
                    }
                });
                break;
            case 92 when payload.Length > 12:
                ForEach(payload[12..], static (attribute, value) =>
                {
                    if (attribute == 1)
                    {
                        value.Clear();
                    }
                });
                break;
            case 72 when payload.Length >= 12:
                // How often the table was changed.
                payload[8..12].Clear();
                break;
            case 64 when payload.Length > 4:
                // Entry sizes, counts and times of the machine's tables, and the random reachable time.
                ForEach(payload[4..], static (attribute, value) =>
                {
                    if (attribute == 5)
                    {
                        value[2..].Clear();
                    }
                    else if (attribute == 7)
                    {
                        value.Clear();
                    }
                    else if (attribute == 6)
                    {
                        ForEach(value, static (parameter, content) =>
                        {
                            if (parameter is 2 or 3)
                            {
                                content.Clear();
                            }
                        });
                    }
                });
                break;
            case >= 36 and <= 46 when payload.Length >= 20:
                TrafficMask.Apply(type, payload);
                break;
            case 28 or 29 when payload.Length > 12:
                ForEach(payload[12..], static (attribute, value) =>
                {
                    if (attribute == 3)
                    {
                        value.Clear();
                    }
                });
                break;
            default:
                break;
        }
    }

    private static void Round(Span<byte> value)
    {
        uint number = BinaryPrimitives.ReadUInt32LittleEndian(value);
        if (number is not 0 and not uint.MaxValue)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(value, (number + 99) / 100);
        }
    }

    internal delegate void Visit(int type, Span<byte> value);

    internal static void ForEach(Span<byte> attributes, Visit visit)
    {
        while (attributes.Length >= 4)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(attributes);
            if (length < 4 || length > attributes.Length)
            {
                return;
            }

            visit(BinaryPrimitives.ReadUInt16LittleEndian(attributes[2..]) & 0x3fff, attributes[4..length]);
            attributes = attributes[Math.Min(length + 3 & ~3, attributes.Length)..];
        }
    }
}
