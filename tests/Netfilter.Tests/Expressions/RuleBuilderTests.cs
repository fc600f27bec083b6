using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Expressions;

public sealed partial class RuleBuilderTests
{
    [Test]
    public void Simple_rules_of_the_recordings_built_by_field_names_equal_nfts_bytes()
    {
        int equal = 0;
        var different = new List<string>();
        foreach (var row in RecordedRules.Rows("nft106-kernel6.18-rules.jsonl.gz").Where(row => row.GetProperty("rc").GetInt32() == 0))
        {
            string text = row.GetProperty("rule").GetString()!;
            NftablesFamilyNames.TryParse(row.GetProperty("family").GetString()!, out NftablesFamily family);
            if (Build(family, text) is not { } built)
            {
                continue;
            }

            string recorded = RecordedRules.Datagrams(row, "sent").SelectMany(RecordedRules.ExpressionLists).Select(list => Convert.ToHexString(list.Payload)).Single();
            if (Convert.ToHexString(Write(built)) == recorded)
            {
                equal++;
            }
            else
            {
                different.Add($"{family} {text}");
            }
        }

        Assert.That(different, Is.Empty);
        Assert.That(equal, Is.GreaterThanOrEqualTo(150));
    }

    [Test]
    public void A_field_of_another_protocol_is_refused_with_its_name()
    {
        RuleBuilder builder = new RuleBuilder(NftablesFamily.Ip).Match("tcp dport", Expr.Port(22));
        Assert.That(() => builder.Match("udp dport", Expr.Port(53)), Throws.InvalidOperationException.With.Message.Contains("udp dport"));
        Assert.That(() => new RuleBuilder(NftablesFamily.Ip).Match("tcp flags2", Expr.Port(22)), Throws.ArgumentException.With.Message.Contains("tcp flags2"));
        Assert.That(() => new RuleBuilder(NftablesFamily.Ip).Match("ip saddr", Expr.Port(22)), Throws.ArgumentException.With.Message.Contains("4 bytes"));
    }

    // Rules of the form "tcp dport 22" or "ip saddr != 1.2.3.4", with or without a verdict, whose value is a number or an address.
    private static ValueList<Expression>? Build(NftablesFamily family, string text)
    {
        Match match = Simple().Match(text);
        if (!match.Success)
        {
            return null;
        }

        string field = $"{match.Groups[1]} {match.Groups[2]}";
        foreach (int length in (int[])[1, 2, 4, 16])
        {
            if (Value(match.Groups[4].Value, length) is not { } value)
            {
                continue;
            }

            try
            {
                RuleBuilder builder = new RuleBuilder(family).Match(field, value, match.Groups[3].Length > 0 ? CompareOperator.NotEqual : CompareOperator.Equal);
                return match.Groups[5].Value switch { " accept" => builder.Accept(), " drop" => builder.Drop(), _ => builder.Build() };
            }
            catch (ArgumentException)
            {
                // The field has another length, or is one that the builder leaves to Expr.
            }
        }

        return null;
    }

    private static OctetString? Value(string text, int length)
    {
        if (ulong.TryParse(text, CultureInfo.InvariantCulture, out ulong number))
        {
            byte[] bytes = BitConverter.GetBytes(number);
            Array.Reverse(bytes);
            return length <= 4 && number < 1UL << (length * 8) ? new OctetString(bytes.AsSpan(8 - length)) : default(OctetString?);
        }

        return IPAddress.TryParse(text, out IPAddress? address) && address.GetAddressBytes().Length == length ? Expr.Address(address) : default(OctetString?);
    }

    internal static byte[] Write(ValueList<Expression> list)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        ExpressionCodec.WriteList(ref writer, NfTables.NFTA_RULE_EXPRESSIONS, list);
        writer.Complete();
        return buffer.Written[4..].ToArray();
    }

    [GeneratedRegex(@"^(ip6?|tcp|udp|udplite|sctp|dccp|esp|ah|comp) ([a-z0-9-]+) (!= )?([0-9a-f.:]+)( accept| drop)?$")]
    private static partial Regex Simple();
}
