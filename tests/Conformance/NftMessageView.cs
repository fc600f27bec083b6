using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;
using EucaNet.Netlink.Wire;

namespace EucaNet.Conformance;

/// <summary>One recorded or simulated message of nf_tables, for comparing: by its bytes, with what differs from run to run masked.</summary>
internal sealed partial class NftMessageView
{
    public const int NewChain = 3, NewRule = 6, GetRule = 7;

    private readonly byte[] _bytes;

    private NftMessageView(byte[] bytes) => _bytes = bytes;

    public ushort Type => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(4));

    public bool IsError => Type == NetlinkMessageType.Error;

    /// <summary>The errno as a positive number; 0 for an acknowledgement.</summary>
    public int Error => -BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(16));

    /// <summary>The verb without its subsystem; -1 for others than nf_tables.</summary>
    public int Verb => Type >> 8 == 10 ? Type & 0xff : -1;

    public byte Family => _bytes[16];

    private AttributeReader Attributes => new(_bytes.AsSpan(20));

    public static IEnumerable<NftMessageView> Split(byte[] datagram)
    {
        int offset = 0;
        while (offset + 16 <= datagram.Length)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(datagram.AsSpan(offset));
            if (length < 16 || offset + length > datagram.Length)
            {
                yield break;
            }

            yield return new NftMessageView(datagram[offset..(offset + length)]);
            offset += length + 3 & ~3;
        }
    }

    public string Text(ushort type) => Attributes.TryFind(type, out NetlinkAttribute attribute) ? attribute.String : "";

    /// <summary>An attribute of one octet; 0 where it is not there.</summary>
    public byte Number(ushort type) => Attributes.TryFind(type, out NetlinkAttribute attribute) ? attribute.Value[0] : (byte)0;

    /// <summary>The attributes within a nest; none where it is not there.</summary>
    public List<(ushort RawType, byte[] Value)> Within(ushort type)
    {
        var inner = new List<(ushort, byte[])>();
        if (Attributes.TryFind(type, out NetlinkAttribute nest))
        {
            AttributeReader walk = nest.Nested();
            while (walk.TryRead(out NetlinkAttribute attribute))
            {
                inner.Add((attribute.RawType, attribute.Value.ToArray()));
            }
        }

        return inner;
    }

    /// <summary>What an error repeats of the request, sequence and port id masked.</summary>
    public string RequestHex()
    {
        byte[] request = _bytes[20..];
        request.AsSpan(8, Math.Min(8, request.Length - 8)).Clear();
        return Convert.ToHexStringLower(request);
    }

    /// <summary>The attributes but for some types.</summary>
    public byte[] Without(params ushort[] types)
    {
        var buffer = new NetlinkBuffer(_bytes.Length + 64);
        var writer = new NetlinkWriter(buffer);
        AttributeReader walk = Attributes;
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (!types.Contains(attribute.Type))
            {
                writer.WriteBytes(attribute.RawType, attribute.Value);
            }
        }

        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>Errno, and what the extended acknowledgement says besides.</summary>
    public string DescribeError()
    {
        var text = new StringBuilder($"errno {Error}");
        var flags = BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(6));
        if ((flags & 0x200) != 0)
        {
            int length = (flags & 0x100) != 0 ? 16 : BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(20));
            var walk = new AttributeReader(_bytes.AsSpan(20 + (length + 3 & ~3)));
            while (walk.TryRead(out NetlinkAttribute attribute))
            {
                text.Append(System.Globalization.CultureInfo.InvariantCulture, $" {attribute.Type}={Convert.ToHexStringLower(attribute.Value)}");
            }
        }

        return text.ToString();
    }

    /// <summary>
    /// Type and attributes as hex; masked are the generation, a table's handle, a set's implementation (an address where symbols are hidden),
    /// and where asked the handles and positions of rules.
    /// </summary>
    public string Masked(bool handles)
    {
        var text = new StringBuilder($"{Verb} {Family}");
        AttributeReader walk = Attributes;
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            bool masked = Verb switch
            {
                0 => attribute.Type == 4,
                NewRule => handles && attribute.Type is 3 or 6,
                9 => attribute.Type == 19,
                _ => false,
            };
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $" {attribute.RawType}:").Append(masked ? "*" : Convert.ToHexStringLower(attribute.Value));
        }

        return AnonymousChain().Replace(text.ToString(), "$1");
    }

    /// <summary>The name of an anonymous chain, as hex: the kernel numbers them over all namespaces.</summary>
    [GeneratedRegex("(5f5f636861696e)(?:3[0-9])+")]
    private static partial Regex AnonymousChain();

    /// <summary>The elements of a dump of elements, their remaining time masked.</summary>
    public IEnumerable<string> Elements()
    {
        var elements = new List<string>();
        if (Verb == 12 && Attributes.TryFind(3, out NetlinkAttribute list))
        {
            AttributeReader walk = list.Nested();
            while (walk.TryRead(out NetlinkAttribute element))
            {
                var text = new StringBuilder();
                AttributeReader inner = element.Nested();
                while (inner.TryRead(out NetlinkAttribute attribute))
                {
                    text.Append(System.Globalization.CultureInfo.InvariantCulture, $" {attribute.RawType}:").Append(attribute.Type == 5 ? "*" : Convert.ToHexStringLower(attribute.Value));
                }

                elements.Add(text.ToString());
            }
        }

        return elements;
    }

    /// <summary>The chains that a rule's verdicts name.</summary>
    public IEnumerable<string> JumpTargets()
    {
        var targets = new List<string>();
        if (Attributes.TryFind(4, out NetlinkAttribute expressions))
        {
            AttributeReader walk = expressions.Nested();
            while (walk.TryRead(out NetlinkAttribute element))
            {
                if (element.Nested().TryFind(2, out NetlinkAttribute data) && element.Nested().TryFind(1, out NetlinkAttribute name) && name.String == "immediate"
                    && data.Nested().TryFind(2, out NetlinkAttribute immediate)
                    && immediate.Nested().TryFind(2, out NetlinkAttribute verdict)
                    && verdict.Nested().TryFind(2, out NetlinkAttribute chain))
                {
                    targets.Add(chain.String);
                }
            }
        }

        return targets;
    }
}
