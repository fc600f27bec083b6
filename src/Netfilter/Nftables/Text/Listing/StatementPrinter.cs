using System.Globalization;
using System.Text;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Prints statements in nft's syntax.</summary>
internal sealed class StatementPrinter(NodePrinter nodes, Action<ChainStatement>? printChain = null)
{
    private readonly StringBuilder _text = nodes.Text;

    public void Print(Statement statement)
    {
        switch (statement)
        {
            case MatchStatement match:
                nodes.Print(match.Node);
                break;
            case VerdictStatement verdict:
                _text.Append(verdict.Verdict);
                break;
            case ChainStatement chain:
                printChain?.Invoke(chain);
                break;
            case AssignmentStatement assignment:
                nodes.Print(assignment.Target);
                _text.Append(" set ");
                nodes.Print(assignment.Value);
                break;
            case RemovalStatement removal:
                PrintRemoval(removal.Option);
                break;
            case RejectStatement reject:
                PrintReject(reject);
                break;
            case NatStatement nat:
                PrintNat(nat);
                break;
            case ProxyStatement proxy:
                PrintProxy(proxy);
                break;
            case DuplicateStatement duplicate:
                PrintDuplicate(duplicate);
                break;
            case ForwardStatement forward:
                PrintForward(forward);
                break;
            case QueueStatement queue:
                _text.Append("queue");
                string separator = " flags ";
                if ((queue.Flags & QueueFlags.Bypass) != 0)
                {
                    _text.Append(separator).Append("bypass");
                    separator = ",";
                }

                _text.Append((queue.Flags & QueueFlags.CpuFanout) != 0 ? separator + "fanout" : "");
                _text.Append(" to ");
                nodes.Print(queue.Number);
                break;
            case ObjectStatement named:
                _text.Append(named.Type switch
                {
                    NfTables.NFT_OBJECT_CT_HELPER => "ct helper set ",
                    NfTables.NFT_OBJECT_CT_TIMEOUT => "ct timeout set ",
                    NfTables.NFT_OBJECT_CT_EXPECT => "ct expectation set ",
                    NfTables.NFT_OBJECT_SECMARK => "meta secmark set ",
                    _ => NftablesObject.KindName(named.Type) + " name ",
                });
                nodes.Print(named.Name);
                break;
            case SetStatement set:
                PrintSet(set);
                break;
            case PlainStatement plain:
                PlainPrinter.Print(_text, plain.Expression, nodes.Options.Stateless);
                break;
        }
    }

    /// <summary>A rule's statements with blanks between.</summary>
    public void PrintAll(List<Statement> statements)
    {
        for (int i = 0; i < statements.Count; i++)
        {
            _text.Append(i == 0 ? "" : " ");
            Print(statements[i]);
        }
    }

    private static string FamilyName(uint family) => family switch { Nfnetlink.NFPROTO_IPV4 => "ip", Nfnetlink.NFPROTO_IPV6 => "ip6", _ => "unknown" };

    private void PrintRemoval(OptionNode option)
    {
        _text.Append(option.Header is { } header
            ? $"reset tcp option {header.Name}"
            : string.Create(CultureInfo.InvariantCulture, $"reset tcp option {option.OptionType}"));
    }

    private void PrintReject(RejectStatement reject)
    {
        _text.Append("reject");
        byte code = reject.Reject.IcmpCode ?? 0;
        string? kind = reject.Reject.Kind switch
        {
            RejectKind.TcpReset => "tcp reset",
            RejectKind.IcmpxUnreachable => code == NfTables.NFT_REJECT_ICMPX_PORT_UNREACH ? null : "icmpx ",
            _ => reject.Family switch
            {
                Nfnetlink.NFPROTO_IPV4 => !reject.IsVerbose && code == 3 ? null : "icmp ",
                Nfnetlink.NFPROTO_IPV6 => !reject.IsVerbose && code == 4 ? null : "icmpv6 ",
                _ => null,
            },
        };
        if (kind is null)
        {
            return;
        }

        _text.Append(" with ").Append(kind);
        if (kind.EndsWith(' '))
        {
            nodes.Print(new ValueNode(code, 8) { Type = reject.CodeType, Order = ByteOrder.Big });
        }
    }

    private void PrintNat(NatStatement nat)
    {
        _text.Append(nat.Name);
        if (nat.Address is not null || nat.Port is not null)
        {
            _text.Append(nat.Family switch { Nfnetlink.NFPROTO_IPV4 => " ip", Nfnetlink.NFPROTO_IPV6 => " ip6", _ => "" });
            _text.Append(nat.IsPrefix ? " prefix to" : " to");
        }

        if (nat.Address is { } address)
        {
            _text.Append(' ');
            PrintAddress(address, nat.Port is not null);
        }

        if (nat.Port is { } port)
        {
            _text.Append(nat.Address is null ? " :" : ":");
            nodes.Print(port);
        }

        string separator = " ";
        foreach ((NatFlags flag, string name) in (ReadOnlySpan<(NatFlags, string)>)[(NatFlags.Random, "random"), (NatFlags.FullyRandom, "fully-random"), (NatFlags.Persistent, "persistent")])
        {
            if ((nat.Flags & flag) != 0)
            {
                _text.Append(separator).Append(name);
                separator = ",";
            }
        }
    }

    /// <summary>An IPv6 address in front of a port stands in brackets.</summary>
    private void PrintAddress(Node address, bool withPort)
    {
        bool brackets = withPort && (address is ValueNode || address is RangeNode) && (address as RangeNode)?.Left.Type.Id is 8 or null && (address is RangeNode || address.Type == DataTypes.Ip6);
        if (brackets && address is RangeNode range)
        {
            _text.Append('[');
            nodes.Print(range.Left);
            _text.Append("]-[");
            nodes.Print(range.Right);
            _text.Append(']');
            return;
        }

        _text.Append(brackets ? "[" : "");
        nodes.Print(address);
        _text.Append(brackets ? "]" : "");
    }

    private void PrintProxy(ProxyStatement proxy)
    {
        _text.Append("tproxy");
        if (proxy.TableIsInet && proxy.Family != 0)
        {
            _text.Append(' ').Append(FamilyName(proxy.Family));
        }

        _text.Append(" to");
        if (proxy.Address is { } address)
        {
            _text.Append(' ');
            PrintAddress(address, withPort: address is ValueNode);
        }

        if (proxy.Port is ValueNode port)
        {
            _text.Append(proxy.Address is null ? " :" : ":");
            nodes.Print(port);
        }
    }

    private void PrintDuplicate(DuplicateStatement duplicate)
    {
        _text.Append("dup");
        if ((duplicate.Address ?? duplicate.Device) is { } to)
        {
            _text.Append(" to ");
            nodes.Print(to);
            if (duplicate.Address is not null && duplicate.Device is { } device)
            {
                _text.Append(" device ");
                nodes.Print(device);
            }
        }
    }

    private void PrintForward(ForwardStatement forward)
    {
        if (forward.Address is { } address)
        {
            _text.Append($"fwd {FamilyName(forward.Family)} to ");
            nodes.Print(address);
            _text.Append(" device ");
        }
        else
        {
            _text.Append("fwd to ");
        }

        if (forward.Device is { } device)
        {
            nodes.Print(device);
        }
    }

    private void PrintSet(SetStatement set)
    {
        if (set.Data is null && set.Set.Set.IsAnonymous && set.Statements.Count > 0)
        {
            _text.Append(CultureInfo.InvariantCulture, $"meter {set.Set.Set.Name} size {set.Set.Set.Declaration.Size ?? 0} {{ ");
            PrintKey(set);
            PrintStatements([set.Statements[0]]);
            _text.Append(" }");
            return;
        }

        _text.Append(set.Operation switch { DynamicSetOperation.Update => "update ", DynamicSetOperation.Delete => "delete ", _ => "add " });
        nodes.Print(set.Set);
        _text.Append(" { ");
        PrintKey(set);
        PrintStatements(set.Statements);
        if (set.Data is { } data)
        {
            _text.Append(" : ");
            nodes.Print(data);
        }

        _text.Append(" }");
    }

    private void PrintKey(SetStatement set)
    {
        nodes.Print(set.Key);
        if (set.Timeout != 0)
        {
            _text.Append(" timeout ");
            ValuePrinter.PrintTime(_text, set.Timeout, nodes.Options.Numeric);
        }
    }

    private void PrintStatements(List<Statement> statements)
    {
        foreach (Statement statement in statements)
        {
            _text.Append(' ');
            if (statement is PlainStatement plain)
            {
                PlainPrinter.Print(_text, plain.Expression, stateless: true);
            }
            else
            {
                Print(statement);
            }
        }
    }
}
