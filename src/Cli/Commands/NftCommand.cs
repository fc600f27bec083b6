using System.CommandLine;
using System.Text.Json.Nodes;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Text;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli;

/// <summary>
/// eucanet nft list: what nft list ruleset and nft --debug=netlink print, with no nft on the machine; trace: what nft monitor trace prints; probe: what the kernel has.
/// </summary>
internal static class NftCommand
{
    public static Command Build() => new("nft", "Reads the kernel's nf_tables rule set without running nft.") { BuildList(), BuildTrace(), BuildProbe() };

    private static Command BuildList()
    {
        var table = new Argument<string[]>("table") { Description = "Only this table: a family and a name, or a name of family ip.", HelpName = "[FAMILY] NAME", Arity = new ArgumentArity(0, 2) };
        var debug = new Option<bool>("--debug") { Description = "Print the bytecode of elements and rules ahead of the listing, as nft --debug=netlink does." };
        var handles = new Option<bool>("--handle", "-a") { Description = "Print handles." };
        var stateless = new Option<bool>("--stateless", "-s") { Description = "Leave out what was counted." };
        var numeric = new Option<bool>("--numeric", "-n") { Description = "Print numbers in place of names." };
        var terse = new Option<bool>("--terse", "-t") { Description = "Leave out the elements of sets." };
        var command = new Command(
            "list",
            """
            Prints the rule set in nft's own syntax, or as nft's own JSON, all of it as it was at one moment.

            Examples: eucanet nft list
                      eucanet nft list inet eucanet
                      eucanet nft list -j | jq '.nftables[].rule // empty'
                      eucanet nft list --debug
            """)
        { table, debug, handles, stateless, numeric, terse };
        command.SetAction(arguments =>
        {
            string[] words = arguments.GetValue(table) ?? [];
            NftablesFamily family = words.Length > 0 ? NftablesFamily.Ip : NftablesFamily.Unspecified;
            if (words.Length == 2 && !NftablesFamilyNames.TryParse(words[0], out family))
            {
                Console.Error.WriteLine($"eucanet: '{words[0]}' is no family; there are ip, ip6, inet, arp, bridge and netdev.");
                return 2;
            }

            using NftablesConnection connection = NftablesConnection.Open(LinuxKernel.Current);
            NftablesRuleset ruleset = connection.ReadRuleset(family);
            List<TableContent> tables = [.. ruleset.Tables.Where(item => words.Length == 0 || item.Table.Name == words[^1])];
            if (words.Length > 0 && tables.Count == 0)
            {
                Console.Error.WriteLine($"eucanet: there is no table {family.ToText()} {words[^1]}; 'eucanet nft list' shows those there are.");
                return 1;
            }

            List<NftablesEntity> entities = [.. tables.SelectMany(item => item.Entities())];
            using var names = new MachineNames(LinuxKernel.Current);
            ListingOptions options = names.Listing with
            {
                Handles = arguments.GetValue(handles),
                Stateless = arguments.GetValue(stateless),
                Numeric = arguments.GetValue(numeric),
                Terse = arguments.GetValue(terse),
            };
            if (arguments.GetValue(debug))
            {
                // Elements of sets without a name are a part of their rules.
                Console.Out.Write(BytecodeMessageText.OfListing(entities.Where(entity => !options.Terse || entity is not NftablesSet set || (set.Flags & SetFlags.Anonymous) != 0)));
            }

            Console.Out.Write(arguments.GetValue(TerminalContext.Json) ? RuleSetJson.Of(entities, options) : RuleSetText.Of(entities, options));
            return 0;
        });
        return command;
    }

    private static Command BuildTrace()
    {
        var command = new Command("trace", "Tells the way of packets on which a rule did 'meta nftrace set 1', as nft monitor trace does, until interrupted.");
        command.SetAction(async (arguments, cancellation) =>
        {
            if (arguments.GetValue(TerminalContext.Json))
            {
                Console.Error.WriteLine("eucanet: traces are told in words only, as nft has no JSON for them; leave out -j.");
                return 2;
            }

            using var names = new MachineNames(LinuxKernel.Current);
            using NftablesTraceWatcher watcher = NftablesTraceWatcher.Open(LinuxKernel.Current, names.Listing);
            int losses = 0;
            try
            {
                await foreach (NftablesTrace step in watcher.ReadAllAsync(cancellation))
                {
                    Console.Out.Write(watcher.Describe(step));
                    if (watcher.Losses > losses)
                    {
                        losses = watcher.Losses;
                        Console.Error.WriteLine("eucanet: packets come faster than they are printed; steps were lost here.");
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // Interrupted: the way it ends.
            }

            return 0;
        });
        return command;
    }

    private static Command BuildProbe()
    {
        var command = new Command("probe", "Shows which expressions, objects and verbs this kernel has. Nothing is changed.");
        command.SetAction(arguments =>
        {
            using NftablesConnection connection = NftablesConnection.Open(LinuxKernel.Current);
            IReadOnlyList<NftablesCapability> capabilities = NftablesProbe.Run(connection);
            if (arguments.GetValue(TerminalContext.Json))
            {
                KernelView.Print(new JsonArray([.. capabilities.Select(Json)]));
                return 0;
            }

            foreach (NftablesCapability capability in capabilities)
            {
                Console.Out.WriteLine($"{(capability.IsAvailable ? "yes" : "no "),-4}{capability.Kind,-11}{capability.Name}{(capability.Reason is { } reason ? $": {reason}" : "")}");
            }

            return 0;
        });
        return command;
    }

    private static JsonNode Json(NftablesCapability capability)
    {
        var json = new JsonObject { ["kind"] = capability.Kind, ["name"] = capability.Name, ["available"] = capability.IsAvailable };
        KernelView.Add(json, "reason", capability.Reason);
        return json;
    }
}
