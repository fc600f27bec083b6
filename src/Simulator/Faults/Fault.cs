using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Faults;

/// <summary>Where something can go wrong between a program and its kernel.</summary>
public enum FaultPoint
{
    /// <summary>A netlink socket is opened.</summary>
    Open,

    /// <summary>A datagram is sent; the kernel has not acted on it yet.</summary>
    Send,

    /// <summary>A program receives.</summary>
    Receive,

    /// <summary>The kernel acknowledges a request or answers it; whatever was asked for has happened already.</summary>
    Answer,

    /// <summary>A multicast event goes to a listener.</summary>
    Event,

    /// <summary>A part of a dump is about to be made.</summary>
    DumpPart,

    /// <summary>The kernel is about to act on one message of a datagram; what came before it in the datagram, or in the batch, has been done.</summary>
    Request,
}

/// <summary>What goes wrong there.</summary>
public enum FaultKind
{
    /// <summary>
    /// The system call fails with <see cref="Fault.Error"/>; nothing else happens. (Open, Send, Receive.) Of a message: it is refused with that error,
    /// and a batch with it. (Request.)
    /// </summary>
    Fail,

    /// <summary>The datagram is lost without a word. (Answer, Event.)</summary>
    Lose,

    /// <summary>The datagram is lost because the receive buffer is full, and the next receive says ENOBUFS. (Answer, Event.)</summary>
    Overrun,

    /// <summary>The datagram comes twice. (Answer, Event.)</summary>
    Duplicate,

    /// <summary>The datagram comes after the next one to the same socket. (Answer, Event.)</summary>
    Reorder,

    /// <summary>The datagram comes after <see cref="Fault.Delay"/>. (Answer, Event.)</summary>
    Delay,

    /// <summary>The datagram is cut in the middle. (Answer, Event.)</summary>
    Truncate,

    /// <summary>The messages of the part carry NLM_F_DUMP_INTR. (DumpPart.)</summary>
    Interrupt,

    /// <summary><see cref="Fault.Action"/> runs just before: a device vanishes, somebody else writes, a link flaps. (All.)</summary>
    Run,
}

/// <summary>What the program and the kernel are doing when a fault may strike.</summary>
/// <param name="Point">Where.</param>
/// <param name="Protocol">The netlink family.</param>
/// <param name="PortId">The program's socket; 0 while it is being opened.</param>
/// <param name="Occurrence">How often this point has been reached on this kernel, from 1.</param>
/// <param name="Datagram">The bytes on their way; of the one message at Request; empty at Open, Receive and DumpPart.</param>
public sealed record FaultSituation(FaultPoint Point, NetlinkProtocol Protocol, uint PortId, long Occurrence, ReadOnlyMemory<byte> Datagram)
{
    /// <summary>Which part of a dump, from 0 for the first. (DumpPart.)</summary>
    public int Part { get; init; }

    /// <summary>The datagram asks for a change: it does not only read. (Send, Request.)</summary>
    public bool IsChange => NetlinkRequests.AreChanges(Protocol, Datagram.Span);

    /// <summary>The datagram is a batch of nf_tables changes. (Send.)</summary>
    public bool IsBatch => NetlinkRequests.IsBatch(Protocol, Datagram.Span);

    /// <summary>The bytes hold this text, as names and comments stand in them: "a rule of alice".</summary>
    public bool Mentions(string text) => Datagram.Span.IndexOf(System.Text.Encoding.UTF8.GetBytes(text)) >= 0;
}

/// <summary>One thing that goes wrong, and when.</summary>
/// <param name="Point">Where.</param>
/// <param name="Kind">What.</param>
public sealed record Fault(FaultPoint Point, FaultKind Kind)
{
    /// <summary>What it is called where strikes are counted; the kind where it has no name.</summary>
    public string? Name { get; init; }

    /// <summary>Strikes only the nth time the point is reached ("the third send"), from 1; null for any.</summary>
    public long? Occurrence { get; init; }

    /// <summary>Strikes only where this holds ("when a rule of alice is added"); null for everywhere.</summary>
    public Func<FaultSituation, bool>? When { get; init; }

    /// <summary>Strikes with this chance from 0 to 1, drawn from the plan's seed.</summary>
    public double Chance { get; init; } = 1;

    /// <summary>Strikes at most this often.</summary>
    public int Limit { get; init; } = int.MaxValue;

    /// <summary>What the system call fails with.</summary>
    public LinuxError Error { get; init; } = LinuxError.ENOBUFS;

    /// <summary>How late a delayed datagram comes.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>What runs.</summary>
    public Action? Action { get; init; }
}
