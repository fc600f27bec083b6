using EucaNet.Cli.Tests.Commands;
using EucaNet.Tests;

namespace EucaNet.Cli.Tests.Evidence;

/// <summary>The README's first five minutes and the operator's page, typed as they stand there.</summary>
public sealed class ReadmeTests
{
    private static readonly string Built = Path.Combine(CommandLine.Repository, "src", "Cli", "bin", "Debug", "net10.0", "eucanet");

    // Left to others: the test command itself runs these tests, and the virtual machine's command is ScenarioRunTests'.
    private static IEnumerable<string> FirstFiveMinutes =>
        Readme.CommandsBelow("README.md", "First five minutes").Where(line => line.StartsWith("dotnet ", StringComparison.Ordinal) && !line.StartsWith("dotnet test", StringComparison.Ordinal));

    [TestCaseSource(nameof(FirstFiveMinutes))]
    [RequiresRoot]
    public void The_first_five_minutes_are_as_the_README_says(string line)
    {
        CommandResult run = CommandLine.RunOther(null, "sh", "-c", line.Replace("sudo ", "", StringComparison.Ordinal));
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
        Assert.That(run.Output, Does.Contain(" 0 failed"));
    }

    [Test]
    public void The_README_has_those_commands() => Assert.That(FirstFiveMinutes.Count(), Is.GreaterThanOrEqualTo(2));

    [Test]
    public void The_program_that_embeds_the_engine_runs()
    {
        Assert.That(File.ReadAllText(Path.Combine(CommandLine.Repository, "README.md")), Does.Contain("`dotnet run --project examples/embedded`"));
        CommandResult run = CommandLine.RunOther(null, "dotnet", "run", "--project", "examples/embedded");
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
    }

    [TestCase("examples/managed/eucalyptus.conf")]
    public void The_configuration_check_of_the_operators_page_tells_what_there_is_room_for(string file)
    {
        string line = Readme.CommandsBelow("docs/operations.md", "On a machine").Single(command => command.StartsWith("eucanet check ", StringComparison.Ordinal));
        CommandResult run = CommandLine.Run(null, line.Replace("/etc/eucalyptus/eucalyptus.conf", file, StringComparison.Ordinal).Split(' ')[1..]);
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
    }

    [Test]
    [RequiresProgram("systemd-analyze")]
    public void The_systemd_unit_is_one_that_systemd_takes()
    {
        // Where the program is installed is all that differs.
        string unit = File.ReadAllText(Path.Combine(CommandLine.Repository, "dist", "eucanet.service"));
        Assert.That(unit, Does.Contain("ExecStart=/usr/bin/eucanet up "));
        string folder = Directory.CreateTempSubdirectory("eucanet-unit-").FullName;
        try
        {
            string file = Path.Combine(folder, "eucanet.service");
            File.WriteAllText(file, unit.Replace("/usr/bin/eucanet", Built, StringComparison.Ordinal));
            CommandResult verified = CommandLine.RunOther(null, "systemd-analyze", "verify", "--man=no", file);
            Assert.That((verified.Status, verified.Output + verified.Errors), Is.EqualTo((0, "")));

            // It can tell right from wrong.
            File.WriteAllText(file, unit.Replace("/usr/bin/eucanet", Built, StringComparison.Ordinal).Replace("NoNewPrivileges=yes", "NoNewPrivilege=yes", StringComparison.Ordinal));
            Assert.That(CommandLine.RunOther(null, "systemd-analyze", "verify", "--man=no", file).Errors, Does.Contain("NoNewPrivilege"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
