using System.Globalization;
using System.Text;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Prints named objects.</summary>
internal static class ObjectPrinter
{
    private const byte Tcp = 6;
    private const byte Udp = 17;

    // State names and default timeouts in seconds of nft's "ct timeout" policies.
    private static readonly (string Name, uint Seconds)[] TcpStates =
    [
        ("syn_sent", 120), ("syn_recv", 60), ("established", 432000), ("fin_wait", 120), ("close_wait", 60), ("last_ack", 30), ("time_wait", 120), ("close", 10),
        ("syn_sent2", 120), ("retrans", 300), ("unack", 300),
    ];

    private static readonly (string Name, uint Seconds)[] UdpStates = [("unreplied", 30), ("replied", 120)];

    public static void Print(StringBuilder text, NftablesObject named, ListingOptions options)
    {
        text.Append($"\t{NftablesObject.KindName(named.Type)} {named.Name} {{");
        text.Append(options.Handles && named.Handle is { } handle ? string.Create(CultureInfo.InvariantCulture, $" # handle {handle}") : "");
        text.Append(named.Comment is { } comment ? $"\n\t\tcomment \"{comment}\"" : "");
        switch (named.Data)
        {
            case CounterData counter:
                text.Append(options.Stateless ? "\n" : string.Create(CultureInfo.InvariantCulture, $"\n\t\tpackets {counter.Packets ?? 0} bytes {counter.Bytes ?? 0}\n"));
                break;
            case QuotaData quota:
                text.Append("\n\t\t");
                PlainPrinter.PrintQuota(text, quota.Bytes ?? 0, options.Stateless ? 0 : quota.Consumed ?? 0, ((quota.Flags ?? 0) & NfTables.NFT_QUOTA_F_INV) != 0);
                text.Append('\n');
                break;
            case LimitData limit:
                text.Append("\n\t\t");
                PlainPrinter.PrintLimit(
                    text, limit.Rate ?? 0, limit.Unit ?? 0, limit.Burst ?? 0, limit.LimitType == NfTables.NFT_LIMIT_PKT_BYTES, ((limit.Flags ?? 0) & NfTables.NFT_LIMIT_F_INV) != 0);
                text.Append('\n');
                break;
            case SecurityMarkData mark:
                text.Append($"\n\t\t\"{mark.Context}\"\n");
                break;
            case ConntrackHelperData helper:
                text.Append($"\n\t\ttype \"{helper.Helper}\" protocol {Protocol(helper.Layer4)}\n\t\tl3proto {Family(helper.Layer3)}\n");
                break;
            case ConntrackTimeoutData timeout:
                text.Append($"\n\t\tprotocol {Protocol(timeout.Layer4)}\n\t\tl3proto {Family(timeout.Layer3)}\n");
                PrintPolicy(text, timeout);
                break;
            case ConntrackExpectationData expectation:
                text.Append(CultureInfo.InvariantCulture, $"\n\t\tprotocol {Protocol(expectation.Layer4)}\n\t\tdport {expectation.DestinationPort ?? 0}\n\t\ttimeout ");
                ValuePrinter.PrintTime(text, expectation.Timeout ?? 0, options.Numeric);
                text.Append(CultureInfo.InvariantCulture, $"\n\t\tsize {expectation.Size ?? 0}\n\t\tl3proto {Family(expectation.Layer3)}\n");
                break;
            case SynproxyData synproxy:
                PrintSynproxy(text, synproxy);
                break;
            default:
                text.Append('\n');
                break;
        }

        text.Append("\t}\n");
    }

    private static void PrintSynproxy(StringBuilder text, SynproxyData synproxy)
    {
        var flags = (Expressions.SynproxyFlags)(synproxy.Flags ?? 0);
        if ((flags & Expressions.SynproxyFlags.MaximumSegmentSize) != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n\t\tmss {synproxy.MaximumSegmentSize ?? 0}");
        }

        if ((flags & Expressions.SynproxyFlags.WindowScale) != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n\t\twscale {synproxy.WindowScale ?? 0}");
        }

        if ((flags & (Expressions.SynproxyFlags.Timestamp | Expressions.SynproxyFlags.SackPermitted)) != 0)
        {
            string timestamp = (flags & Expressions.SynproxyFlags.Timestamp) != 0 ? "timestamp" : "";
            string acknowledgement = (flags & Expressions.SynproxyFlags.SackPermitted) != 0 ? "sack-perm" : "";
            text.Append($"\n\t\t{timestamp} {acknowledgement}");
        }

        text.Append('\n');
    }

    /// <summary>The timeouts that differ from nft's defaults, by state.</summary>
    internal static IEnumerable<(string Name, uint Seconds)> ChangedTimeouts(ConntrackTimeoutData data)
    {
        (string Name, uint Seconds)[] states = data.Layer4 switch { Tcp => TcpStates, Udp => UdpStates, _ => [] };
        foreach (StateTimeout timeout in (IReadOnlyList<StateTimeout>)data.Timeouts)
        {
            // The kernel numbers the states from 1.
            int place = timeout.State - 1;
            if (place >= 0 && place < states.Length && states[place].Seconds != timeout.Seconds)
            {
                yield return (states[place].Name, timeout.Seconds);
            }
        }
    }

    private static void PrintPolicy(StringBuilder text, ConntrackTimeoutData data)
    {
        IEnumerable<string> changed = ChangedTimeouts(data).Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Name} : {pair.Seconds}"));
        text.Append($"\t\tpolicy = {{ {string.Join(", ", changed)} }}\n");
    }

    private static string Protocol(byte? number) =>
        Symbols.Protocols.TryGetValue(number ?? 0, out string? name) ? name : (number ?? 0).ToString(CultureInfo.InvariantCulture);

    private static string Family(ushort? family) => ((NftablesFamily)(family ?? 0)).ToText();
}
