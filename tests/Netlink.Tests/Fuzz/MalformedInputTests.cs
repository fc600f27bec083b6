using System.Globalization;
using System.Text;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Tests.Fuzz;

/// <summary>
/// Malformed inputs of another project's fuzzing, in the text form of Go's corpora, from the folder that EUCANET_FUZZ_CORPUS names (not part of
/// this repository: jsimonetti/rtnetlink, testdata/fuzz). Each is read as a datagram and as the payload of every rtnetlink message.
/// </summary>
public sealed class MalformedInputTests
{
    [Test]
    public void Malformed_inputs_found_by_others_are_read_without_any_error()
    {
        if (Environment.GetEnvironmentVariable("EUCANET_FUZZ_CORPUS") is not { Length: > 0 } folder)
        {
            Assert.Ignore("EUCANET_FUZZ_CORPUS names no folder");
            return;
        }

        int inputs = 0;
        var decoders = new Decoders();
        using var memory = new GuardedMemory(1024 * 1024);
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            foreach (byte[] input in Inputs(File.ReadAllText(file)))
            {
                inputs++;
                Read(input, decoders, memory, file);
            }
        }

        TestContext.Out.WriteLine($"{inputs} inputs");
        Assert.That(inputs, Is.GreaterThan(0));
    }

    [Test]
    public void The_quoting_of_the_corpora_is_understood() =>
        Assert.That(Inputs("go test fuzz v1\n[]byte(\"a\\x00\\n\\\"\\u007f\\\\\\a\")\n").Single(), Is.EqualTo(new byte[] { 0x61, 0, 10, 34, 0x7f, 0x5c, 7 }));

    private static void Read(byte[] input, Decoders decoders, GuardedMemory memory, string file)
    {
        try
        {
            decoders.Read(memory.Place(input), prints: true);
            for (ushort type = 2; type < 128; type++)
            {
                decoders.Read(memory.Place([.. BitConverter.GetBytes(input.Length + NetlinkHeader.Size), .. BitConverter.GetBytes(type), 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, .. input]), prints: true);
            }
        }
        catch (Exception exception) when (exception is not AssertionException)
        {
            throw new AssertionException($"{file}: {exception}", exception);
        }
    }

    // A line of a corpus is []byte("…") with Go's escapes.
    private static IEnumerable<byte[]> Inputs(string text)
    {
        const string Begin = "[]byte(\"";
        foreach (string line in text.Split('\n').Where(line => line.StartsWith(Begin, StringComparison.Ordinal)))
        {
            yield return Unquote(line[Begin.Length..line.LastIndexOf('"')]);
        }
    }

    private static byte[] Unquote(string text)
    {
        var bytes = new List<byte>();
        for (int index = 0; index < text.Length; index++)
        {
            if (text[index] != '\\')
            {
                int length = char.IsHighSurrogate(text[index]) ? 2 : 1;
                bytes.AddRange(Encoding.UTF8.GetBytes(text.Substring(index, length)));
                index += length - 1;
                continue;
            }

            int digits = text[++index] switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits == 0)
            {
                bytes.Add(text[index] switch { 'a' => 7, 'b' => 8, 't' => 9, 'n' => 10, 'v' => 11, 'f' => 12, 'r' => 13, var other => (byte)other });
                continue;
            }

            uint value = uint.Parse(text.AsSpan(index + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            bytes.AddRange(digits == 2 ? [(byte)value] : Encoding.UTF8.GetBytes(new Rune(value).ToString()));
            index += digits;
        }

        return [.. bytes];
    }
}
