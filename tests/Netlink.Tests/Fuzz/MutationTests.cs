using EucaNet.Netlink.Tests.Soak;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Tests.Fuzz;

/// <summary>Spoilt messages through every decoder: no exception, no byte read beyond the message, and what is read is written back.</summary>
public sealed class MutationTests
{
    /// <summary>EUCANET_SOAK_MUTATIONS=10000000 is the full size; each tenth message is printed as well.</summary>
    [Test]
    public void A_spoilt_message_of_any_kind_is_read_and_written_back_without_any_error()
    {
        int wanted = SoakSize.Of("EUCANET_SOAK_MUTATIONS", 60_000);
        byte[][] seeds = [.. Seeds()];
        int workers = Math.Max(1, Math.Min(Environment.ProcessorCount, wanted / 10_000));
        Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers }, worker =>
        {
            using var memory = new GuardedMemory(16 * 1024);
            var mutator = new Mutator(seeds, 20260101 + worker);
            var decoders = new Decoders();
            for (int turn = worker; turn < wanted; turn += workers)
            {
                ReadOnlySpan<byte> message = memory.Place(mutator.Next());
                try
                {
                    decoders.Read(message, prints: turn / workers % 10 == 0);
                }
                catch (Exception exception) when (exception is not AssertionException)
                {
                    throw new AssertionException($"{Convert.ToHexString(message)}: {exception}", exception);
                }
            }
        });
        TestContext.Out.WriteLine($"{wanted} mutations of {seeds.Length} messages on {workers} threads");
        Assert.That(seeds, Has.Length.GreaterThan(200));
    }

    [Test]
    public void A_text_that_is_read_is_recorded_whole()
    {
        var decoders = new Decoders();
        foreach (byte[] seed in Seeds())
        {
            decoders.Read(seed, prints: true);
        }
    }

    // One of each length and type, of every netlink family that was recorded.
    private static IEnumerable<byte[]> Seeds() => RecordedMessages.All().DistinctBy(message => (message.Length, message[4], message[5])).Where(message => message.Length < 8 * 1024);
}
