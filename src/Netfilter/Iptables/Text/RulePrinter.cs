using EucaNet.Netfilter.Iptables.Extensions;
using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>Prints a rule as iptables-save does: addresses, interfaces, protocol, fragment, matches, target.</summary>
internal static class RulePrinter
{
    /// <summary>The rule's options, without "-A chain".</summary>
    public static string Print(IptablesRule rule, IptablesFamily family, IptablesInterface asPrintedBy, IptablesNames? names = null)
    {
        var writer = new SaveWriter(family, names);
        Print(rule, writer, asPrintedBy);
        return writer.ToString();
    }

    /// <summary>Appends the rule's options, each with a blank before it.</summary>
    public static void Print(IptablesRule rule, SaveWriter writer, IptablesInterface asPrintedBy)
    {
        Network(writer, 's', rule.Source);
        Network(writer, 'd', rule.Destination);
        Interface(writer, 'i', rule.Input, asPrintedBy);
        Interface(writer, 'o', rule.Output, asPrintedBy);
        if (rule.Protocol is { Number: > 0 } protocol)
        {
            writer.Not(protocol.Negated).Write($" -p {ProtocolNames.Name(protocol.Number)}");
        }

        if (rule.Fragment is { } fragment)
        {
            writer.Not(!fragment).Write(" -f");
        }

        foreach (IptablesMatch match in rule.Matches)
        {
            XtExtension? extension = XtRegistry.FindByKernelName(false, match.Name, match.Revision, writer.Family);
            writer.Write($" -m {extension?.PrintedName(match.Info.Span) ?? match.Name}");
            Options(writer, extension, match.Info.Span);
        }

        Target(writer, rule.Target);
    }

    private static void Options(SaveWriter writer, XtExtension? extension, ReadOnlySpan<byte> info)
    {
        if (extension is null || info.Length < extension.UserSize)
        {
            writer.Write(" [unsupported revision]");
        }
        else
        {
            extension.Print(info, writer);
        }
    }

    private static void Target(SaveWriter writer, IptablesTarget? target)
    {
        switch (target)
        {
            case null:
                break;
            case ChainTarget { Goto: true } jump:
                writer.Write($" -g {jump.Name}");
                break;
            case ExtensionTarget found:
                XtExtension? extension = XtRegistry.FindByKernelName(true, found.Name, found.Revision, writer.Family);
                writer.Write($" -j {extension?.PrintedName(found.Info.Span) ?? found.Name}");
                Options(writer, extension, found.Info.Span);
                break;
            default:
                writer.Write($" -j {target.Name}");
                break;
        }
    }

    private static void Network(SaveWriter writer, char letter, NetworkMatch? network)
    {
        if (network is not null)
        {
            string suffix = Addresses.PrefixLength(network.Mask) is { } length ? $"{length}" : Addresses.Text(network.Mask);
            writer.Not(network.Negated).Write($" -{letter} {Addresses.Text(network.Address)}/{suffix}");
        }
    }

    /// <summary>iptables-legacy-save says nothing of "+", not even of its negation.</summary>
    private static void Interface(SaveWriter writer, char letter, InterfaceMatch? match, IptablesInterface asPrintedBy)
    {
        if (match is not null && (match.Name != "+" || (match.Negated && asPrintedBy == IptablesInterface.Nft)))
        {
            writer.Not(match.Negated).Write($" -{letter} {match.Name}");
        }
    }
}
