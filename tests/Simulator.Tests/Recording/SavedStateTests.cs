using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Text.Json;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Tests.Fabric;
using EucaNet.Simulator.Tests.Nftables;

namespace EucaNet.Simulator.Tests.Recording;

/// <summary>A state written as text is the same state when it has been read: it has the same text, answers the same, and goes on the same.</summary>
internal sealed class SavedStateTests
{
    [Test]
    public void A_cloud_that_was_saved_and_loaded_goes_on_as_the_first()
    {
        using SimulatedCloud cloud = CloudForkTests.Raise();
        cloud["a"].Kernel.Faults.Add(new Fault(FaultPoint.Send, FaultKind.Fail) { Chance = 0.3, Error = LinuxError.ENOBUFS });
        cloud.RunUntil(() => cloud.VirtualMachines.First().Lease is not null, TimeSpan.FromSeconds(20));
        cloud.AddVm("late", cloud["a"], "vif9.0", "d0:0d:00:00:00:09").Boot();
        string text = Text(cloud);
        using SimulatedCloud other = SimulatedCloud.Load(new StringReader(text));
        Assert.That(Text(other), Is.EqualTo(text));
        string first = CloudForkTests.Play(cloud), second = CloudForkTests.Play(other);
        Assert.That(first, Has.Length.GreaterThan(1000));
        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void Another_process_loads_a_cloud_and_it_goes_on_there_as_here()
    {
        using SimulatedCloud cloud = CloudForkTests.Raise();
        cloud.RunUntil(() => cloud.VirtualMachines.First().Lease is not null, TimeSpan.FromSeconds(20));
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, Text(cloud));
            using Process other = Process.Start(new ProcessStartInfo("dotnet", [typeof(Program).Assembly.Location, path]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> errors = other.StandardError.ReadToEndAsync();
            string there = other.StandardOutput.ReadToEnd();
            other.WaitForExit();
            Assert.That(errors.Result, Is.Empty);
            Assert.That(there, Is.EqualTo(CloudForkTests.Play(cloud)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public void What_happens_after_a_save_is_not_in_it()
    {
        using SimulatedCloud cloud = CloudForkTests.Raise();
        string text = Text(cloud);
        cloud.Cables[0].Unplug();
        Assert.That(Text(cloud), Is.Not.EqualTo(text));
        using SimulatedCloud other = SimulatedCloud.Load(new StringReader(text));
        Assert.That(other.Ping(other["a"], IPAddress.Parse("10.0.0.2")).Reached);
        Assert.That(cloud.Ping(cloud["a"], IPAddress.Parse("10.0.0.2")).Reached, Is.False);
    }

    [Test]
    public void A_kernel_with_any_recorded_rule_set_answers_the_same_after_it_was_saved_and_loaded()
    {
        int count = 0;
        foreach (JsonElement row in Rows("nft106-kernel6.18-rulesets.jsonl.gz"))
        {
            using var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = KernelProfile.Linux618 });
            using (INetlinkSocket socket = kernel.OpenNetlink(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { ReportOverruns = false }))
            {
                socket.RequestSendBuffer(1 << 24);
                foreach (byte[] batch in row.GetProperty("sent").EnumerateArray().Select(static item => Convert.FromHexString(item.GetString()!)).Where(IsBatch))
                {
                    batch.AsSpan(24, 4).Clear(); // for whatever generation there is
                    socket.Send(batch);
                }
            }

            string text = Text(kernel);
            using SimulatedKernel other = SimulatedKernel.Load(new StringReader(text));
            Assert.That(Text(other), Is.EqualTo(text), row.GetProperty("file").GetString());
            List<string> answers = Ask(kernel);
            count += answers.Count;
            Assert.That(Ask(other), Is.EqualTo(answers), row.GetProperty("file").GetString());
            Assert.That(KernelSnapshot.Capture(kernel).DifferenceTo(KernelSnapshot.Capture(other)), Is.Empty);
        }

        Assert.That(count, Is.GreaterThan(1500), "answers that were compared");
    }

    [Test]
    public void A_text_that_is_no_state_is_refused()
    {
        Assert.That(() => SimulatedCloud.Load(new StringReader("cloud\n")), Throws.TypeOf<FormatException>());
        using var kernel = new SimulatedKernel();
        string text = Text(kernel);
        Assert.That(() => SimulatedCloud.Load(new StringReader(text)), Throws.TypeOf<FormatException>().With.Message.Contains("no cloud"));
        Assert.That(() => SimulatedKernel.Load(new StringReader(text[..(text.Length / 2)])), Throws.TypeOf<FormatException>());
    }

    private static List<string> Ask(SimulatedKernel kernel)
    {
        using var talk = new NftConversation(kernel);
        var answers = new List<string>();
        foreach (int verb in (int[])[1, 4, 7, 10, 19, 23])
        {
            answers.AddRange(talk.Dump(verb));
        }

        // The elements of each set, by the family, table and name that it was listed with.
        foreach (string set in answers.Where(static answer => answer.StartsWith("a09 ", StringComparison.Ordinal)).ToArray())
        {
            string[] words = set.Split(' ');
            answers.AddRange(talk.Dump(13, byte.Parse(words[4], System.Globalization.CultureInfo.InvariantCulture), Attribute(1, words), Attribute(2, words)));
        }

        return answers;
    }

    private static byte[] Attribute(int type, string[] words)
    {
        byte[] value = Convert.FromHexString(words.First(word => word.StartsWith($"{type}=", StringComparison.Ordinal))[2..]);
        byte[] attribute = new byte[4 + value.Length + 3 & ~3];
        BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute.AsSpan(2), (ushort)type);
        value.CopyTo(attribute, 4);
        return attribute;
    }

    private static bool IsBatch(byte[] datagram) => datagram.Length >= 28 && BinaryPrimitives.ReadUInt16LittleEndian(datagram.AsSpan(4)) == 0x10;

    private static IEnumerable<JsonElement> Rows(string name)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Corpus.PathOf(name)), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            yield return JsonDocument.Parse(line).RootElement;
        }
    }

    private static string Text(SimulatedCloud cloud)
    {
        using var text = new StringWriter();
        cloud.Save(text);
        return text.ToString();
    }

    private static string Text(SimulatedKernel kernel)
    {
        using var text = new StringWriter();
        kernel.Save(text);
        return text.ToString();
    }
}
