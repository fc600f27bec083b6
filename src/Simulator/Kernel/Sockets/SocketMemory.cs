namespace EucaNet.Simulator.Kernel.Sockets;

/// <summary>How the kernel counts the memory of queued messages (truesize) on a machine with 4 KiB pages.</summary>
internal static class SocketMemory
{
    /// <summary>sizeof(struct sk_buff), aligned to a cache line.</summary>
    private const int BufferHead = 256;

    /// <summary>sizeof(struct skb_shared_info), aligned.</summary>
    private const int SharedInfo = 320;

    /// <summary>NLMSG_GOODSIZE: what fits a page beside the shared info.</summary>
    public const int GoodMessageSize = 4096 - SharedInfo;

    /// <summary>The largest part of a dump, whatever the reader offers.</summary>
    public const int LargestDumpPart = 32768 - SharedInfo;

    /// <summary>The memory that a message with room for <paramref name="size"/> bytes takes.</summary>
    public static int OfMessage(int size)
    {
        int needed = (size + 63 & ~63) + SharedInfo;
        int bucket = 512;
        while (bucket < needed)
        {
            bucket *= 2;
        }

        return bucket + BufferHead;
    }
}
