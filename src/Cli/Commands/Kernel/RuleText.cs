using System.Net;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;
using static EucaNet.Netlink.Route.RuleConstants;

namespace EucaNet.Cli;

/// <summary>A routing rule in the words and fields of <c>ip rule</c>.</summary>
internal static class RuleText
{
    // RTN_NAT as an action: what the kernel still takes of the translation that Linux 2.2 did by routing rules.
    private const byte Translate = 10;

    private static readonly NumberNames Groups = NumberNames.OfNumbers("/etc/iproute2/group");
    private static readonly NumberNames Protocols = NumberNames.OfProtocols();

    /// <summary>The line of <c>ip rule</c> and <c>ip monitor rule</c>.</summary>
    public static string Text(RoutingRule rule) => $"{rule.Priority ?? 0}:\t{Fields(rule).Words.TrimEnd()}";

    /// <summary>The fields of <c>ip -j rule</c>.</summary>
    public static JsonObject Json(RoutingRule rule) => Fields(rule).Fields;

    private static OptionList Fields(RoutingRule rule)
    {
        OptionList list = new OptionList().AddWith("priority", rule.Priority ?? 0, null);
        AddFlag(list, "not", "not", (rule.Flags & FIB_RULE_INVERT) != 0);
        AddPrefix(list, "src", "from", rule.Source, rule.SourceLength, rule.Family, orAll: true);
        AddPrefix(list, "dst", "to", rule.Destination, rule.DestinationLength, rule.Family, orAll: false);
        list.AddWith("tos", rule.Tos == 0 ? null : $"0x{rule.Tos:x}", $"tos 0x{rule.Tos:x2}");
        AddMark(list, rule.Mark, rule.MarkMask);
        AddLink(list, "iif", rule.InputInterface, (rule.Flags & FIB_RULE_IIF_DETACHED) != 0);
        AddLink(list, "oif", rule.OutputInterface, (rule.Flags & FIB_RULE_OIF_DETACHED) != 0);
        AddFlag(list, "l3mdev", "lookup [l3mdev-table]", rule.L3MasterDevice == true);
        if (rule.Users is { } users)
        {
            list.AddWith("uid_start", users.First, $"uidrange {users.First}-{users.Last}").AddWith("uid_end", users.Last, null);
        }

        list.Add("ipproto", rule.IpProtocol is { } protocol ? Protocols.Of(protocol) ?? $"ipproto-{protocol}" : null);
        AddPorts(list, "sport", rule.SourcePorts);
        AddPorts(list, "dport", rule.DestinationPorts);
        list.Add("tun_id", rule.TunnelId is { } tunnel ? (ulong)IPAddress.NetworkToHostOrder((long)tunnel) : null);
        if (rule.Table != 0)
        {
            list.AddAs("table", "lookup", KernelView.Table(rule.Table))
                .AddAs("suppress_prefixlen", "suppress_prefixlength", rule.SuppressPrefixLength is null or uint.MaxValue ? null : rule.SuppressPrefixLength)
                .Add("suppress_ifgroup", rule.SuppressInterfaceGroup is { } group and not uint.MaxValue ? Groups.Of(group) ?? $"{group}" : null);
        }

        AddRealms(list, rule.Realms);
        AddAction(list, rule);

        // Rules of the kernel's own and of ip are not told apart.
        return list.AddAs("protocol", "proto", rule.Protocol is null or 0 or RouteConstants.RTPROT_KERNEL or RouteConstants.RTPROT_BOOT
            ? null : KernelView.Protocol(rule.Protocol.Value));
    }

    private static void AddFlag(OptionList list, string name, string words, bool isSet)
    {
        if (isSet)
        {
            list.AddNull(name, words);
        }
    }

    private static void AddPrefix(OptionList list, string name, string label, IPAddress? address, byte length, byte family, bool orAll)
    {
        int whole = family == RouteConstants.AF_INET6 ? 128 : 32;
        if (address is not null)
        {
            list.AddWith(name, $"{address}", length == whole ? $"{label} {address}" : $"{label} {address}/{length}")
                .AddWith(name + "len", length == whole ? null : (int)length, null);
        }
        else if (orAll)
        {
            list.AddAs(name, label, "all");
        }
    }

    private static void AddMark(OptionList list, uint? mark, uint? mask)
    {
        if (mark is null or 0 && mask is null or 0)
        {
            return;
        }

        string shown = Hexadecimal(mark ?? 0);
        string? bits = mask is null or uint.MaxValue ? null : Hexadecimal(mask.Value);
        list.AddWith("fwmark", shown, bits is null ? $"fwmark {shown}" : $"fwmark {shown}/{bits}").AddWith("fwmask", bits, null);
    }

    private static string Hexadecimal(uint value) => value == 0 ? "0" : $"0x{value:x}";

    private static void AddLink(OptionList list, string name, string? link, bool isDetached)
    {
        list.Add(name, link);
        AddFlag(list, name + "_detached", "[detached]", link is not null && isDetached);
    }

    private static void AddPorts(OptionList list, string name, HostPortRange? ports)
    {
        if (ports is null)
        {
            return;
        }

        if (ports.First == ports.Last)
        {
            list.Add(name, (int)ports.First);
        }
        else
        {
            list.AddWith(name + "_start", (int)ports.First, $"{name} {ports.First}-{ports.Last}").AddWith(name + "_end", (int)ports.Last, null);
        }
    }

    private static void AddRealms(OptionList list, uint? realms)
    {
        if (realms is not { } value)
        {
            return;
        }

        (uint from, uint to) = (value >> 16, value & 0xffff);
        list.AddWith("flow_from", from == 0 ? null : KernelView.Realm(from), null)
            .AddWith("flow_to", KernelView.Realm(to), from == 0 ? $"realms {KernelView.Realm(to)}" : $"realms {KernelView.Realm(from)}/{KernelView.Realm(to)}");
    }

    private static void AddAction(OptionList list, RoutingRule rule)
    {
        switch (rule.Action)
        {
            case FR_ACT_TO_TBL:
                break;
            case FR_ACT_GOTO:
                list.AddWith("goto", rule.Goto is { } target ? target : "none", $"goto {rule.Goto?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}");
                AddFlag(list, "unresolved", "[unresolved]", (rule.Flags & FIB_RULE_UNRESOLVED) != 0);
                break;
            case FR_ACT_NOP:
                list.AddNull("nop", "nop");
                break;
            case Translate:
                list.AddNull("masquerade", "masquerade");
                break;
            default:
                string action = rule.Action switch { FR_ACT_BLACKHOLE => "blackhole", FR_ACT_UNREACHABLE => "unreachable", FR_ACT_PROHIBIT => "prohibit", var other => $"{other}" };
                list.AddWith("action", action, action);
                break;
        }
    }
}
