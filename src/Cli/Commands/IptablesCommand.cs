using System.CommandLine;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli;

/// <summary>eucanet iptables save | restore: what iptables-save and iptables-restore do, with no iptables on the machine.</summary>
internal static class IptablesCommand
{
    private const string LockFile = "/run/xtables.lock";

    public static Command Build() => new(
        "iptables",
        """
        Prints and loads iptables tables without running iptables, through the interface whose tables are in use here
        (nft, as iptables-nft does, or legacy), or the one that is named.
        """)
    {
        BuildSave(),
        BuildRestore(),
    };

    private static Command BuildSave()
    {
        var table = new Option<string?>("--table", "-t") { Description = "Only this table.", HelpName = "TABLE" };
        table.AcceptOnlyFromAmong("filter", "nat", "mangle", "raw", "security");
        var counters = new Option<bool>("--counters", "-c") { Description = "Print what each rule has counted." };
        Option<string> backend = Backend();
        Option<bool> six = Six();
        var command = new Command("save", "Prints the tables in iptables-save's format.") { table, counters, backend, six };
        command.SetAction(arguments => Run(arguments.GetRequiredValue(backend), arguments.GetValue(six), tables =>
        {
            IptablesRuleSet ruleSet = arguments.GetValue(table) is { } only ? tables.Read(only) : tables.Read();
            Console.Out.Write(ruleSet.ToText(arguments.GetValue(counters), tables.Interface));
            return 0;
        }));
        return command;
    }

    private static Command BuildRestore()
    {
        var file = new Argument<string?>("file") { Description = "A file in iptables-save's format; standard input without it.", HelpName = "FILE", Arity = ArgumentArity.ZeroOrOne };
        var test = new Option<bool>("--test") { Description = "Find out whether it can be loaded; change nothing." };
        var noFlush = new Option<bool>("--noflush", "-n") { Description = "Keep the rules there are; the file's come behind them." };
        var counters = new Option<bool>("--counters", "-c") { Description = "Take the counters that stand in the file." };
        Option<string> backend = Backend();
        Option<bool> six = Six();
        var command = new Command(
            "restore",
            """
            Loads a file in iptables-save's format: all of it, or nothing. An error names line, column and word.

            Exit status: 0 when it was loaded (or could be, with --test), 1 when not, 2 when the file cannot be read.
            Example: eucanet iptables restore --test /etc/iptables/rules.v4
            """)
        { file, test, noFlush, counters, backend, six };
        command.SetAction(arguments =>
        {
            string name = arguments.GetValue(file) ?? "-";
            string text;
            try
            {
                text = name == "-" ? Console.In.ReadToEnd() : File.ReadAllText(name);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine($"eucanet: {name}: {exception.Message}");
                return 2;
            }

            return Run(arguments.GetRequiredValue(backend), arguments.GetValue(six), tables =>
            {
                try
                {
                    tables.Restore(
                        IptablesSaveFile.Parse(tables.Family, text, tables.Interface, tables.Names),
                        flush: !arguments.GetValue(noFlush),
                        arguments.GetValue(counters),
                        arguments.GetValue(test));
                    return 0;
                }
                catch (IptablesParseException exception)
                {
                    Console.Error.WriteLine($"eucanet: {name}: {exception.Message}");
                    return 1;
                }
            });
        });
        return command;
    }

    private static Option<string> Backend()
    {
        var option = new Option<string>("--backend", "-b")
        {
            Description = "The kernel interface: nft, legacy, or auto for the one in use.",
            HelpName = "nft|legacy|auto",
            DefaultValueFactory = _ => "auto",
        };
        option.AcceptOnlyFromAmong("nft", "legacy", "auto");
        return option;
    }

    private static Option<bool> Six() => new("--ipv6", "-6") { Description = "The tables of IPv6 (ip6tables)." };

    private static int Run(string backend, bool six, Func<IptablesTables, int> action)
    {
        IptablesFamily family = six ? IptablesFamily.Ip6 : IptablesFamily.Ip;
        var options = new IptablesTablesOptions { LegacyTableNames = LegacyTableNames, LockFile = LockFile, Names = new IptablesNames { Account = Account } };
        IKernel kernel = LinuxKernel.Current;
        try
        {
            IptablesInterface way = backend switch
            {
                "nft" => IptablesInterface.Nft,
                "legacy" => IptablesInterface.Legacy,
                _ => Detected(IptablesTables.Detect(kernel, family, options)),
            };
            using IptablesTables tables = IptablesTables.Open(kernel, way, family, options);
            return action(tables);
        }
        catch (IptablesTableException exception)
        {
            Console.Error.WriteLine($"eucanet: {exception.Message}");
            return 1;
        }
    }

    private static IptablesInterface Detected(IptablesInterfaceChoice choice)
    {
        Console.Error.WriteLine($"# {choice.Reason}");
        return choice.Interface;
    }

    /// <summary>The kernel lists the legacy tables that are there; asking it for others would make them.</summary>
    private static IReadOnlyList<string> LegacyTableNames(IptablesFamily family)
    {
        string path = family == IptablesFamily.Ip ? "/proc/thread-self/net/ip_tables_names" : "/proc/thread-self/net/ip6_tables_names";
        return File.Exists(path) ? File.ReadAllLines(path) : [];
    }

    /// <summary>A user's or group's number from the machine's files.</summary>
    private static uint? Account(string name, bool group)
    {
        string path = group ? "/etc/group" : "/etc/passwd";
        return File.Exists(path)
            && File.ReadLines(path).Select(line => line.Split(':')).FirstOrDefault(fields => fields.Length > 2 && fields[0] == name) is { } fields
            && uint.TryParse(fields[2], out uint number)
            ? number
            : null;
    }
}
