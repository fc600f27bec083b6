using System.Text;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text;

/// <summary>The bytecode text of expressions that do something rather than load or compare.</summary>
internal static class BytecodeStatementText
{
    internal static void Append(StringBuilder text, Expression expression)
    {
        switch (expression)
        {
            case CounterExpression counter:
                text.Add($"pkts {counter.Packets ?? 0} bytes {counter.Bytes ?? 0} ");
                break;
            case LastExpression { IsSet: null or 0 }:
                text.Append("never ");
                break;
            case LastExpression last:
                text.Add($"{last.Milliseconds ?? 0} ");
                break;
            case LimitExpression limit:
                text.Add($"rate {limit.Rate ?? 0}/{BytecodeNames.OfUnit(limit.Unit ?? 0)} burst {limit.Burst ?? 0} ");
                text.Add($"type {(limit.Kind == LimitKind.Bytes ? "bytes" : "packets")} flags 0x{limit.Flags ?? 0:x} ");
                break;
            case ConnectionLimitExpression limit:
                text.Add($"count {limit.Count ?? 0} flags {limit.Flags ?? 0:x} ");
                break;
            case QuotaExpression quota:
                text.Add($"bytes {quota.Bytes ?? 0} consumed {quota.Consumed ?? 0} flags {(uint)(quota.Flags ?? 0)} ");
                break;
            case LogExpression log:
                AppendLog(text, log);
                break;
            case RejectExpression reject:
                text.Add($"type {(uint)(reject.Kind ?? 0)} code {reject.IcmpCode ?? 0} ");
                break;
            case QueueExpression queue:
                AppendQueue(text, queue);
                break;
            case NatExpression nat:
                text.Add($"{(nat.Kind switch { NatKind.Source or null => "snat", NatKind.Destination => "dnat", _ => "unknown" })} {BytecodeNames.OfFamily(nat.Family ?? 0)} ");
                text.AddIf(nat.AddressRegister, "addr_min reg ");
                text.AddIf(nat.LastAddressRegister, "addr_max reg ");
                AppendPorts(text, nat.PortRegister, nat.LastPortRegister, nat.Flags);
                break;
            case MasqueradeExpression masquerade:
                AppendPorts(text, masquerade.PortRegister, masquerade.LastPortRegister, masquerade.Flags);
                break;
            case RedirectExpression redirect:
                AppendPorts(text, redirect.PortRegister, redirect.LastPortRegister, redirect.Flags);
                break;
            case TransparentProxyExpression proxy:
                if (proxy.Family is { } family and not 0)
                {
                    text.Add($"{BytecodeNames.OfFamily(family)} ");
                }

                text.AddIf(proxy.AddressRegister, "addr reg ");
                text.AddIf(proxy.PortRegister, "port reg ");
                break;
            case DuplicateExpression duplicate:
                text.AddIf(duplicate.AddressRegister, "sreg_addr ");
                text.AddIf(duplicate.DeviceRegister, "sreg_dev ");
                break;
            case ForwardExpression forward:
                text.AddIf(forward.DeviceRegister, "sreg_dev ");
                text.AddIf(forward.AddressRegister, "sreg_addr ");
                text.AddIf(forward.Family, "nfproto ");
                break;
            case ObjectReferenceExpression { SourceRegister: { } source } reference:
                text.Add($"sreg {source} set {reference.SetName} ");
                break;
            case ObjectReferenceExpression reference:
                text.Add($"type {reference.ObjectType ?? 0} name {reference.ObjectName} ");
                break;
            case SynproxyExpression { MaximumSegmentSize: { } size, WindowScale: { } scale }:
                text.Add($"mss {size} wscale {scale} ");
                break;
            case FlowOffloadExpression offload:
                text.Add($"flowtable {offload.FlowtableName} ");
                break;
            case MatchExpression match:
                text.Add($"name {match.MatchName} rev {match.Revision ?? 0} ");
                break;
            case TargetExpression target:
                text.Add($"name {target.TargetName} rev {target.Revision ?? 0} ");
                break;
        }
    }

    private static void AppendPorts(StringBuilder text, uint? first, uint? last, NatFlags? flags)
    {
        text.AddIf(first, "proto_min reg ");
        text.AddIf(last, "proto_max reg ");
        if (flags is { } value)
        {
            text.Add($"flags 0x{(uint)value:x} ");
        }
    }

    private static void AppendLog(StringBuilder text, LogExpression log)
    {
        if (log.Prefix is { } prefix)
        {
            text.Add($"prefix {prefix} ");
        }

        if (log.Group is { } group)
        {
            text.Add($"group {group} snaplen {log.SnapLength ?? 0} qthreshold {log.QueueThreshold ?? 0} ");
            return;
        }

        text.AddIf(log.Level, "level ");
        foreach ((LogFlags flag, string name) in BytecodeNames.LogFlagNames)
        {
            if ((log.Flags & flag) is > 0)
            {
                text.Add($"{name} ");
            }
        }
    }

    private static void AppendQueue(StringBuilder text, QueueExpression queue)
    {
        if (queue.Number is { } number)
        {
            ushort total = queue.Total ?? 0;
            ushort last = (ushort)(number + total - 1);
            text.Add($"num {number}");
            if (total != 0 && last != number)
            {
                text.Add($"-{last}");
            }

            text.Append(' ');
        }

        text.AddIf(queue.NumberRegister, "sreg_qnum ");
        if ((queue.Flags & QueueFlags.Bypass) is > 0)
        {
            text.Append("bypass ");
        }

        if ((queue.Flags & QueueFlags.CpuFanout) is > 0)
        {
            text.Append("fanout ");
        }
    }
}
