using System.Text;
using EucaNet.Netfilter.Iptables.Extensions;

namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>Prints tables as iptables-save does, without its comment lines.</summary>
internal static class SavePrinter
{
    public static string Print(IptablesRuleSet ruleSet, bool counters, IptablesInterface asPrintedBy)
    {
        var text = new StringBuilder();
        foreach (IptablesTable table in ruleSet.Tables)
        {
            Print(text, table, ruleSet.Family, counters, asPrintedBy, ruleSet.Names);
        }

        return text.ToString();
    }

    public static string Print(IptablesTable table, IptablesFamily family, bool counters, IptablesInterface asPrintedBy)
    {
        var text = new StringBuilder();
        Print(text, table, family, counters, asPrintedBy, null);
        return text.ToString();
    }

    private static void Print(StringBuilder text, IptablesTable table, IptablesFamily family, bool counters, IptablesInterface asPrintedBy, IptablesNames? names)
    {
        IptablesTable sorted = table.Sorted();
        text.Append('*').Append(table.Name).Append('\n');
        foreach (IptablesChain chain in sorted.Chains)
        {
            text.Append(':').Append(chain.Name).Append(' ').Append(PolicyWord(chain.Policy))
                .Append(" [").Append(chain.Counters.Packets).Append(':').Append(chain.Counters.Bytes).Append("]\n");
        }

        var writer = new SaveWriter(family, names, text);
        foreach (IptablesChain chain in sorted.Chains)
        {
            foreach (IptablesRule rule in chain.Rules)
            {
                if (counters)
                {
                    text.Append('[').Append(rule.Counters.Packets).Append(':').Append(rule.Counters.Bytes).Append("] ");
                }

                text.Append("-A ").Append(chain.Name);
                RulePrinter.Print(rule, writer, asPrintedBy);
                text.Append('\n');
            }
        }

        text.Append("COMMIT\n");
    }

    public static string PolicyWord(IptablesVerdict? policy) => policy switch
    {
        IptablesVerdict.Accept => "ACCEPT",
        IptablesVerdict.Drop => "DROP",
        IptablesVerdict.Queue => "QUEUE",
        IptablesVerdict.Return => "RETURN",
        _ => "-",
    };
}
