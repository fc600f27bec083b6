using System.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

/// <summary>One refused message of a batch.</summary>
/// <param name="MessageIndex">Its number in the batch, from 0; -1 for the batch as a whole.</param>
/// <param name="Error">The kernel's error number.</param>
/// <param name="Subject">What the message was to do, in words: "add rule 17 of chain inet filter forward".</param>
/// <param name="Place">Where in it: "expression 3 lookup: attribute set", "element 5 (0x0a000001): attribute data"; null where the kernel does not say.</param>
/// <param name="Details">The kernel's extended acknowledgement.</param>
/// <param name="Label">What the caller had attached (<see cref="NftablesBatch.Label"/>).</param>
public sealed record NftablesError(int MessageIndex, LinuxError Error, string Subject, string? Place, ExtendedAcknowledgement Details, object? Label)
{
    /// <summary>What to do about it, where the error alone does not say; null otherwise.</summary>
    public string? Advice { get; init; }

    /// <summary>The number, from 0, of the element that was refused.</summary>
    internal int? Element { get; init; }

    /// <summary>The object named does not exist.</summary>
    public bool IsNotFound => Error == LinuxError.ENOENT;

    /// <summary>The object exists already, perhaps with other properties.</summary>
    public bool IsAlreadyThere => Error == LinuxError.EEXIST;

    /// <inheritdoc />
    public override string ToString()
    {
        var text = new StringBuilder(Subject);
        if (Label is not null)
        {
            text.Append(" (").Append(Label).Append(')');
        }

        text.Append(": ");
        if (Place is not null)
        {
            text.Append(Place).Append(": ");
        }

        text.Append(Error.Describe());
        if (Details.Message is { Length: > 0 } message)
        {
            text.Append("; the kernel says: ").Append(message);
        }

        if (Details.Policy is { } policy)
        {
            text.Append("; it takes ").Append(policy);
        }

        if (Details.MissingPath is { } missing)
        {
            text.Append("; ").Append(missing).Append(" is missing");
        }

        if (Advice is not null)
        {
            text.Append("; ").Append(Advice);
        }

        return text.ToString();
    }
}

/// <summary>The kernel refused a batch; nothing was changed.</summary>
public sealed class NftablesException : KernelException
{
    internal NftablesException(IReadOnlyList<NftablesError> errors, int messages)
        : base($"nf_tables batch of {messages} messages", errors[0].Error, Sentence(errors))
    {
        Errors = errors;
    }

    /// <summary>Every refused message, in their order.</summary>
    public IReadOnlyList<NftablesError> Errors { get; }

    /// <summary>The rule set was at another generation than the batch expected: somebody else changed it (ERESTART).</summary>
    public bool IsOutdated => Errors.Any(error => error is { Error: LinuxError.ERESTART, MessageIndex: -1 });

    private static string Sentence(IReadOnlyList<NftablesError> errors)
    {
        var text = new StringBuilder("Nothing was changed.");
        foreach (NftablesError error in errors.Take(10))
        {
            text.Append(Environment.NewLine).Append("  ").Append(error);
        }

        if (errors.Count > 10)
        {
            text.Append(Environment.NewLine).Append($"  and {errors.Count - 10} more");
        }

        return text.ToString();
    }
}
