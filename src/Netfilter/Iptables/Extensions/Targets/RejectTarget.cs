using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>REJECT: drop, and tell the sender (struct ipt_reject_info, struct ip6t_reject_info).</summary>
internal sealed class RejectTarget(IptablesFamily family) : XtTarget
{
    private static readonly (string Name, string Alias, uint Value)[] Ipv4 =
    [
        ("icmp-net-unreachable", "net-unreach", 0), ("icmp-host-unreachable", "host-unreach", 1), ("icmp-proto-unreachable", "proto-unreach", 2),
        ("icmp-port-unreachable", "port-unreach", 3), ("icmp-net-prohibited", "net-prohib", 5), ("icmp-host-prohibited", "host-prohib", 6),
        ("tcp-reset", "tcp-rst", 7), ("icmp-admin-prohibited", "admin-prohib", 8),
    ];

    private static readonly (string Name, string Alias, uint Value)[] Ipv6 =
    [
        ("icmp6-no-route", "no-route", 0), ("icmp6-adm-prohibited", "adm-prohibited", 1), ("icmp6-addr-unreachable", "addr-unreach", 3),
        ("icmp6-port-unreachable", "port-unreach", 4), ("tcp-reset", "tcp-reset", 6), ("icmp6-policy-fail", "policy-fail", 7),
        ("icmp6-reject-route", "reject-route", 8),
    ];

    private readonly (string Name, string Alias, uint Value)[] _kinds = family == IptablesFamily.Ip ? Ipv4 : Ipv6;

    public override string Name => "REJECT";

    public override int Size => 4;

    public override IptablesFamily? Family => family;

    public override IReadOnlyList<XtOption> Options { get; } = [new("reject-with", 0)];

    public override void Initialize(Span<byte> info) => info.Put32(0, family == IptablesFamily.Ip ? 3u : 4);

    public override void Parse(OptionCall call) =>
        call.Info.Put32(0, Array.Find(_kinds, kind => Fits(kind.Name, call.Argument) || Fits(kind.Alias, call.Argument)) is { Name: not null } found
            ? found.Value
            : throw call.Fail($"unknown reject type '{call.Argument}'", NearestWord.Find(call.Argument, _kinds.Select(kind => kind.Name))));

    public override void Finish(FinishCall call)
    {
        call.RequireTable("filter");
        if (((ReadOnlySpan<byte>)call.Info).UInt32(0) == (family == IptablesFamily.Ip ? 7u : 6))
        {
            call.RequireProtocol(6);
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint value = info.UInt32(0);
        writer.Write($" --reject-with {Array.Find(_kinds, kind => kind.Value == value).Name ?? $"{value}"}");
    }

    private static bool Fits(string name, string text) => text.Length > 0 && name.StartsWith(text, StringComparison.OrdinalIgnoreCase);
}
