using System.CommandLine;
using EucaNet.Cli.Control;
using Spectre.Console;

namespace EucaNet.Cli;

/// <summary>eucanet group authorize | revoke | list</summary>
internal static class GroupCommand
{
    public static Command Build(Func<ParseResult, IVerbContext> connect)
    {
        return new Command("group", "Security groups and their ingress rules (MANAGED mode).")
        {
            Change("authorize", "Opens a group: to a protocol, ports, and a source.", connect, (control, rule, token) => control.AuthorizeAsync(rule, token)),
            Change("revoke", "Closes what authorize opened; connections it let in are cut.", connect, (control, rule, token) => control.RevokeAsync(rule, token)),
            List(connect),
        };
    }

    private static Command Change(string name, string what, Func<ParseResult, IVerbContext> connect, Func<IControl, RuleMessage, CancellationToken, Task<ChangeMessage>> act)
    {
        var user = new Option<string>("--user", "-u") { Description = "The user the group belongs to.", Required = true };
        var group = new Option<string>("--group", "-g") { Description = "The group.", DefaultValueFactory = _ => "default" };
        var protocol = new Option<string>("--protocol", "-P") { Description = "tcp, udp, icmp or a protocol number.", Required = true };
        var ports = new Option<string>("--port", "-p") { Description = "A port or a range such as 8000-8080; all when left out.", HelpName = "PORTS", DefaultValueFactory = _ => "" };
        var icmp = new Option<string>("--icmp-type", "-t") { Description = "ICMP type:code, -1 for any.", HelpName = "TYPE:CODE", DefaultValueFactory = _ => "-1:-1" };
        var source = new Option<string>("--source", "-s") { Description = "The source as CIDR; 0.0.0.0/0 when left out.", HelpName = "CIDR", DefaultValueFactory = _ => "" };
        var sourceUser = new Option<string>("--source-user") { Description = "The source's user, when it is a group.", DefaultValueFactory = _ => "" };
        var sourceGroup = new Option<string>("--source-group", "-o") { Description = "The source's group.", DefaultValueFactory = _ => "" };
        var command = new Command(
            name,
            $"""
            {what}

            Examples: eucanet group {name} -u alice -g web -P tcp -p 22 -s 203.0.113.0/24
                      eucanet group {name} -u alice -g web -P icmp -t 8:0
                      eucanet group {name} -u alice -g db -P tcp -p 5432 --source-user alice --source-group web
            """)
        { user, group, protocol, ports, icmp, source, sourceUser, sourceGroup };
        command.SetAction(async (arguments, token) =>
        {
            string[] typeAndCode = arguments.GetRequiredValue(icmp).Split(':');
            if (typeAndCode.Length > 2 || !int.TryParse(typeAndCode[0], out int type) || !int.TryParse(typeAndCode.Length > 1 ? typeAndCode[1] : "-1", out int code))
            {
                throw new RefusedException($"'{arguments.GetRequiredValue(icmp)}' is not TYPE:CODE, such as 8:0, or -1:-1 for any");
            }

            string from = arguments.GetRequiredValue(source);
            string fromUser = arguments.GetRequiredValue(sourceUser);
            string fromGroup = arguments.GetRequiredValue(sourceGroup);
            if (from.Length > 0 && (fromUser.Length > 0 || fromGroup.Length > 0))
            {
                throw new RefusedException("a rule's source is either a CIDR (--source) or a group (--source-user, --source-group), not both");
            }

            IVerbContext context = connect(arguments);
            var rule = new RuleMessage
            {
                User = arguments.GetRequiredValue(user),
                Group = arguments.GetRequiredValue(group),
                Protocol = arguments.GetRequiredValue(protocol),
                Ports = arguments.GetRequiredValue(ports),
                IcmpType = type,
                IcmpCode = code,
                Source = from,
                SourceUser = fromUser.Length > 0 ? fromUser : fromGroup.Length > 0 ? arguments.GetRequiredValue(user) : "",
                SourceGroup = fromGroup.Length > 0 ? fromGroup : fromUser.Length > 0 ? "default" : "",
            };
            context.Show(await act(context.Control, rule, token).ConfigureAwait(false));
        });
        return command;
    }

    private static Command List(Func<ParseResult, IVerbContext> connect)
    {
        var user = new Option<string?>("--user", "-u") { Description = "This user's groups only." };
        var group = new Option<string?>("--group", "-g") { Description = "Groups of this name only." };
        var command = new Command("list", "The ingress rules. Example: eucanet group list -u alice -g web") { user, group };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            IReadOnlyList<RuleMessage> rules =
            [
                .. (await context.Control.ListRulesAsync(token).ConfigureAwait(false))
                    .Where(rule => arguments.GetValue(user) is not { } wanted || rule.User == wanted)
                    .Where(rule => arguments.GetValue(group) is not { } wanted || rule.Group == wanted),
            ];
            context.Show(rules, ControlJson.Default.IReadOnlyListRuleMessage, () =>
            {
                Table table = Tables.New("user", "group", "protocol", "ports or type:code", "source", "in force");
                foreach (RuleMessage rule in rules)
                {
                    string what = rule.Protocol is "icmp" or "1" ? $"{Any(rule.IcmpType)}:{Any(rule.IcmpCode)}" : rule.Ports.Length > 0 ? rule.Ports : "all";
                    string from = rule.SourceUser.Length > 0 ? $"group {rule.SourceUser}/{rule.SourceGroup}" : rule.Source.Length > 0 ? rule.Source : "0.0.0.0/0";
                    table.AddRow(Tables.Cells(rule.User, rule.Group, rule.Protocol, what, from, rule.Active == false ? "no: no instances" : "yes"));
                }

                return table;
            });
        });
        return command;

        static string Any(int value) => value < 0 ? "any" : $"{value}";
    }
}
