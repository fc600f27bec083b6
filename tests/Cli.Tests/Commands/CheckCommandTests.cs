using System.Text.Json;

namespace EucaNet.Cli.Tests.Commands;

public sealed class CheckCommandTests
{
    [TestCase("examples/managed/eucalyptus.conf", "front-end")]
    [TestCase("examples/managed/eucalyptus-node.conf", "node")]
    [TestCase("examples/static/eucalyptus.conf", "front-end")]
    [TestCase("examples/static/eucalyptus-node.conf", "node")]
    [TestCase("examples/system/eucalyptus.conf", "front-end")]
    [TestCase("examples/system/eucalyptus-node.conf", "node")]
    public void The_examples_configurations_are_right(string file, string role) =>
        Assert.That(CommandLine.Run(null, "check", file, "--role", role).Status, Is.Zero);

    [Test]
    public void The_five_octet_address_of_the_manuals_static_sample_is_named_with_line_and_column()
    {
        string path = Path.GetTempFileName();
        File.WriteAllText(
            path,
            """
            VNET_MODE="STATIC"
            VNET_INTERFACE="eth0"
            VNET_SUBNET="192.168.1.0" VNET_NETMASK="255.255.255.0" VNET_BROADCAST="192.168.1.255" VNET_ROUTER="192.168.1.1" VNET_DNS="192.168.1.2"
            VNET_MACMAP="AA:DD:11:CE:FF:ED=192.168.1.3 AA:DD:CE:FF:EE=192.168.1.4"
            """);
        CommandResult text = CommandLine.Run(null, "check", path);
        CommandResult json = CommandLine.Run(null, "check", path, "-j");
        File.Delete(path);
        using JsonDocument report = JsonDocument.Parse(json.Output);
        JsonElement finding = report.RootElement.GetProperty("findings").EnumerateArray().Single(item => item.GetProperty("severity").GetString() == "error");
        Assert.Multiple(() =>
        {
            Assert.That(text.Status, Is.EqualTo(1));
            Assert.That(text.Output, Does.Contain($"{path}:4:").And.Contain("AA:DD:CE:FF:EE"));
            Assert.That(json.Status, Is.EqualTo(1));
            Assert.That(finding.GetProperty("line").GetInt32(), Is.EqualTo(4));
            Assert.That(finding.GetProperty("column").GetInt32(), Is.EqualTo(44));
        });
    }

    [Test]
    public void A_file_that_cannot_be_read_ends_with_status_2() =>
        Assert.That(CommandLine.Run(null, "check", "no-such-file"), Has.Property(nameof(CommandResult.Status)).EqualTo(2).And.Property(nameof(CommandResult.Errors)).Contain("no-such-file"));
}
