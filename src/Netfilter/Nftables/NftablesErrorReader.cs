using System.Globalization;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>Turns the kernel's error about a message (errno and an offset) into words about rules, expressions and elements.</summary>
internal static class NftablesErrorReader
{
    /// <summary>Describes an error of message <paramref name="index"/> of a batch; of the batch itself where it is out of range.</summary>
    public static NftablesError Read(NftablesBatch batch, int index, LinuxError error, in NetlinkMessage reply)
    {
        if (index < 0 || index >= batch.Count)
        {
            string subject = error == LinuxError.ERESTART ? $"the rule set is not at generation {batch.ExpectedGeneration} any more" : "the batch as a whole";
            return new NftablesError(-1, error, subject, null, new ExtendedAcknowledgement(), null);
        }

        ReadOnlySpan<byte> bytes = batch.MessageAt(index, out object? label);
        var request = new NetlinkMessage(MemoryMarshal.Read<NetlinkHeader>(bytes), bytes);
        ExtendedAcknowledgement details = NetlinkException.ReadDetails(reply, request, NftablesCatalog.Instance);
        if (!NftablesMessage.TryRead(request, out NftablesMessage? message) || message is null)
        {
            return new NftablesError(index, error, $"message {index + 1}", PlaceOf(request, details), details, label);
        }

        string[] path = details is { Offset: not null, AttributePath: { } named } ? named.Split('.') : [];
        int? item = path.Length > 0 && path[0].EndsWith(']') ? Number(path[0]) : null;
        return new NftablesError(index, error, Describe(batch, index, message), PlaceOf(request, details), details, label)
        {
            Element = message.Entity is SetElementList ? item : null,
            Advice = NftablesAdvice.On(message, error, path.Length > 0 ? path[^1] : null, message.Entity is Rule ? item : null),
        };
    }

    private static string Describe(NftablesBatch batch, int index, NftablesMessage message)
    {
        string verb = message.Type switch
        {
            _ when message.IsDelete && message.Type >= NFT_MSG_DESTROYTABLE => "destroy",
            _ when message.IsDelete => "delete",
            NFT_MSG_NEWRULE when (message.Flags & NetlinkMessageFlags.Replace) != 0 => "replace",
            NFT_MSG_NEWRULE when (message.Flags & NetlinkMessageFlags.Append) == 0 => "insert",
            _ when (message.Flags & NetlinkMessageFlags.Exclusive) != 0 => "create",
            _ => "add",
        };
        return $"{verb} {(message is { IsNew: true, Entity: Rule rule } ? DescribeRule(batch, index, rule) : message.Entity.Describe())}";
    }

    // A new rule has no handle: its number among those that the batch adds to the chain tells it apart.
    private static string DescribeRule(NftablesBatch batch, int index, Rule rule)
    {
        int number = 1;
        var names = new DecodeCache();
        for (int other = 0; other < index; other++)
        {
            ReadOnlySpan<byte> bytes = batch.MessageAt(other, out _);
            var message = new NetlinkMessage(MemoryMarshal.Read<NetlinkHeader>(bytes), bytes);
            if ((message.Header.Type & 0xff) == NFT_MSG_NEWRULE && message.Payload[0] == (byte)rule.Family
                && Named(message, NFTA_RULE_TABLE, names) == rule.Table && Named(message, NFTA_RULE_CHAIN, names) == rule.Chain)
            {
                number++;
            }
        }

        string chain = rule.Chain.Length > 0 ? rule.Chain : "#" + rule.ChainId?.ToString(CultureInfo.InvariantCulture);
        string comment = rule.Comment is { } text ? $" \"{text}\"" : "";
        return $"rule {number}{comment} of chain {rule.Family.ToText()} {rule.Table} {chain}";
    }

    private static string? Named(in NetlinkMessage message, ushort type, DecodeCache names)
    {
        string? name = null;
        return message.Attributes(NfnetlinkHeader.Size).TryFind(type, out NetlinkAttribute attribute) && names.Read(attribute, ref name) ? name : "";
    }

    private static string? PlaceOf(in NetlinkMessage request, ExtendedAcknowledgement details)
    {
        if (details.Offset is null || details.AttributePath is not { } path)
        {
            return null;
        }

        string[] parts = path.Split('.');
        ushort container = (request.Header.Type & 0xff) switch
        {
            NFT_MSG_NEWRULE => NFTA_RULE_EXPRESSIONS,
            NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM or NFT_MSG_DESTROYSETELEM => NFTA_SET_ELEM_LIST_ELEMENTS,
            _ => 0,
        };
        if (container == 0 || parts.Length < 1 || !parts[0].EndsWith(']'))
        {
            return "attribute " + Short(parts[^1], path);
        }

        int number = Number(parts[0]);
        string item = container == NFTA_RULE_EXPRESSIONS
            ? $"expression {number + 1}{ExpressionName(request, number)}"
            : $"element {number + 1}{ElementName(request, number)}";
        return parts.Length == 1 || parts[^1] is "NFTA_EXPR_NAME" or "NFTA_EXPR_DATA" ? item : $"{item}: attribute {Short(parts[^1], path)}";
    }

    private static int Number(string item) => int.Parse(item.AsSpan(item.IndexOf('[', StringComparison.Ordinal) + 1).TrimEnd(']'), CultureInfo.InvariantCulture);

    // NFTA_LOOKUP_SET reads "set": the object is named beside it.
    private static string Short(string name, string path)
    {
        foreach (string prefix in (string[])["NFTA_SET_ELEM_LIST_", "NFTA_SET_ELEM_", "NFTA_SET_DESC_", "NFTA_SET_FIELD_", "NFTA_RULE_COMPAT_", "NFTA_FLOWTABLE_HOOK_"])
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
            {
                return Words(name[prefix.Length..]);
            }
        }

        int second = name.IndexOf('_', Math.Min(5, name.Length));
        return name.StartsWith("NFTA_", StringComparison.Ordinal) && second > 0 ? Words(name[(second + 1)..]) : path;
    }

    private static string Words(string name) => name.Replace('_', ' ').ToLowerInvariant();

    private static string ExpressionName(in NetlinkMessage request, int number)
    {
        if (request.Attributes(NfnetlinkHeader.Size).TryFind(NFTA_RULE_EXPRESSIONS, out NetlinkAttribute list))
        {
            AttributeReader expressions = list.Nested();
            for (int index = 0; expressions.TryRead(out NetlinkAttribute expression); index++)
            {
                if (index == number && expression.Nested().TryFind(NFTA_EXPR_NAME, out NetlinkAttribute name))
                {
                    return " " + name.String;
                }
            }
        }

        return "";
    }

    private static string ElementName(in NetlinkMessage request, int number)
    {
        if (request.Attributes(NfnetlinkHeader.Size).TryFind(NFTA_SET_ELEM_LIST_ELEMENTS, out NetlinkAttribute list))
        {
            AttributeReader elements = list.Nested();
            for (int index = 0; elements.TryRead(out NetlinkAttribute element); index++)
            {
                if (index == number)
                {
                    return $" ({SetElement.Read(element, new DecodeCache()).Describe()})";
                }
            }
        }

        return "";
    }
}
