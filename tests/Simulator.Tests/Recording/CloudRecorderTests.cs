using System.Diagnostics;
using System.Net;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Recording;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Recording;

public sealed class CloudRecorderTests
{
    private static (string Transcript, byte[] Capture) Run(ulong seed)
    {
        using var cloud = new SimulatedCloud(seed);
        using var capture = new MemoryStream();
        using var transcript = new StringWriter { NewLine = "\n" };
        using (var recorder = new CloudRecorder(cloud, capture, transcript))
        {
            NetworkSwitch lan = cloud.AddSwitch("lan");
            SimulatedHost a = cloud.AddHost("a"), b = cloud.AddHost("b"), site = cloud.AddHost("site");
            Cable lossy = cloud.Connect(a, "eth0", lan);
            cloud.Connect(b, "eth0", lan);
            cloud.Connect(site, "eth0", lan);
            lossy.LossRate = 0.2;
            lossy.ReorderRate = 0.2;
            site.Address("eth0", "10.0.0.1/24");
            b.Address("eth0", "10.0.0.2/24");
            using var server = new DhcpPoolServer(site.Kernel, "eth0", new DhcpPoolOptions(IPAddress.Parse("10.0.0.100"), IPAddress.Parse("10.0.0.200"), 24, IPAddress.Parse("10.0.0.1")));
            server.Start();
            using var client = new DhcpClient(a.Kernel, "eth0", new DhcpClientOptions { Seed = seed });
            client.Start();
            cloud.RunUntil(() => client.Lease is not null, TimeSpan.FromMinutes(10));
            for (int i = 0; i < 10; i++)
            {
                cloud.Ping(a, IPAddress.Parse("10.0.0.2"));
                cloud.ConnectTcp(a, IPAddress.Parse("10.0.0.2"), 80, b);
                cloud.SendUdp(b, IPAddress.Parse("10.0.0.100"), 53);
            }

            Assert.That(recorder.Count, Is.GreaterThan(100));
        }

        return (transcript.ToString(), capture.ToArray());
    }

    [Test]
    public void One_seed_gives_one_transcript_and_one_capture_byte_for_byte_with_loss_and_reordering()
    {
        (string transcript, byte[] capture) = Run(5);
        (string again, byte[] captureAgain) = Run(5);
        Assert.That(again, Is.EqualTo(transcript));
        Assert.That(captureAgain, Is.EqualTo(capture));
        Assert.That(Run(6).Transcript, Is.Not.EqualTo(transcript));
    }

    [Test]
    [RequiresProgram("tshark")]
    public void Tshark_finds_nothing_malformed_and_every_checksum_right()
    {
        string path = Path.Combine(Path.GetTempPath(), $"eucanet-{Guid.NewGuid():n}.pcapng");
        try
        {
            File.WriteAllBytes(path, Run(5).Capture);
            string[] checks = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"];
            Assert.That(Tshark(path, [.. checks, "-Y",
                "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || tcp.checksum.status == 0 || icmp.checksum.status == 0"]), Is.Empty);
            Assert.That(Tshark(path, ["-Y", "dhcp.option.dhcp == 5"]), Is.Not.Empty, "an acknowledged lease");
            Assert.That(Tshark(path, ["-Y", "netlink"]), Is.Not.Empty);
            string interfaces = Tshark(path, ["-T", "fields", "-e", "frame.interface_name"]);
            Assert.That(interfaces, Does.Contain("a:eth0").And.Contain("site:netlink"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Tshark(string path, string[] arguments)
    {
        var start = new ProcessStartInfo("tshark") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["-n", "-r", path, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        string errors = "";
        process.ErrorDataReceived += (_, line) => errors += line.Data;
        process.BeginErrorReadLine();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, errors);
        return output;
    }
}
