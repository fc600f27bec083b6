using System.Diagnostics;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Recording;
using EucaNet.Netlink.Route;
using EucaNet.Tests;

namespace EucaNet.Netlink.Tests.Recording;

[RequiresRoot]
public sealed class RecordingTests
{
    [Test]
    [RequiresProgram("tshark")]
    public async Task A_recorded_conversation_is_read_by_tshark()
    {
        string path = Path.Combine(Path.GetTempPath(), $"euca-{Guid.NewGuid():n}.pcap");
        try
        {
            using (NetworkNamespace own = NetworkNamespace.Create())
            using (var recorder = new PcapRecorder(File.Create(path)))
            using (RouteConnection route = RouteConnection.Open(new RecordingKernel(LinuxKernel.Open(own), recorder)))
            {
                await route.AddLinkAsync(Link.Of("br0", new BridgeOptions()));
                await route.GetLinkAsync("br0");
            }

            var start = new ProcessStartInfo("tshark", ["-r", path, "-T", "fields", "-e", "netlink-route.nltype", "-e", "netlink.hdr_type"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using Process process = Process.Start(start)!;
            string output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.That(process.ExitCode, Is.Zero);
            string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.That(lines, Has.Length.EqualTo(4), output);
            Assert.That(lines.Select(line => line.Trim()), Is.EqualTo(new[] { "16", "0x0002,0x0010", "18", "16" }), "RTM_NEWLINK, its acknowledgement, RTM_GETLINK, RTM_NEWLINK");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public async Task A_conversation_is_printed_with_the_names_of_its_attributes()
    {
        var text = new StringWriter();
        using (NetworkNamespace own = NetworkNamespace.Create())
        using (RouteConnection route = RouteConnection.Open(new RecordingKernel(LinuxKernel.Open(own), new TextRecorder(text))))
        {
            await route.AddLinkAsync(Link.Of("br0", new BridgeOptions { ForwardDelay = 0 }));
        }

        Assert.That(text.ToString(), Does.Contain("RTM_NEWLINK").And.Contain("IFLA_IFNAME \"br0\"").And.Contain("IFLA_BR_FORWARD_DELAY 0").And.Contain("NLMSG_ERROR"));
    }
}
