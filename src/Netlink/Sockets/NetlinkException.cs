using System.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Sockets;

/// <summary>The kernel refused a request; everything it said about it.</summary>
public sealed class NetlinkException : KernelException
{
    internal NetlinkException(string operation, LinuxError error, ExtendedAcknowledgement details, string? explanation, int requestIndex)
        : base(operation, error, Sentence(error, details, explanation))
    {
        Details = details;
        RequestIndex = requestIndex;
    }

    /// <summary>The kernel's extended acknowledgement; empty where it gave none.</summary>
    public ExtendedAcknowledgement Details { get; }

    /// <summary>Which message of the requests sent together was refused, from 0.</summary>
    public int RequestIndex { get; }

    /// <summary>The object named in the request does not exist (ENOENT, ENODEV, ESRCH, ENXIO, EADDRNOTAVAIL).</summary>
    public bool IsNotFound => Error is LinuxError.ENOENT or LinuxError.ENODEV or LinuxError.ESRCH or LinuxError.ENXIO or LinuxError.EADDRNOTAVAIL;

    /// <summary>The object exists already (EEXIST).</summary>
    public bool IsAlreadyThere => Error == LinuxError.EEXIST;

    /// <summary>What the kernel adds to an acknowledgement, with the names of what it points at in the request.</summary>
    public static ExtendedAcknowledgement ReadDetails(in NetlinkMessage reply, in NetlinkMessage request, MessageCatalog catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return ExtendedAcknowledgement.Read(reply.ExtendedAcknowledgement(), request, catalog);
    }

    /// <summary>Makes the exception from an error message of the kernel; null where it is a plain acknowledgement.</summary>
    internal static NetlinkException? From(in NetlinkMessage reply, in NetlinkMessage request, int requestIndex, MessageCatalog catalog)
    {
        ReadOnlySpan<byte> payload = reply.Payload;
        if (payload.Length < 4)
        {
            return null;
        }

        int code = BitConverter.ToInt32(payload);
        if (code >= 0)
        {
            return null;
        }

        var error = (LinuxError)(-(long)code);
        var details = ExtendedAcknowledgement.Read(reply.ExtendedAcknowledgement(), request, catalog);
        string operation = request.Bytes.IsEmpty ? "netlink request" : catalog.DescribeRequest(request);
        string? explanation = request.Bytes.IsEmpty ? null : catalog.Explain(request, error, details.Message);
        return new NetlinkException(operation, error, details, explanation, requestIndex);
    }

    private static string? Sentence(LinuxError error, ExtendedAcknowledgement details, string? explanation)
    {
        var text = new StringBuilder();
        Add(details.Message is { Length: > 0 } message ? $"The kernel says: {message}" : null);
        Add(details.AttributePath is { } path ? $"Attribute {path}" + (details.Policy is { } policy ? $" takes {policy}" : " was refused") : null);
        Add(details.MissingPath is { } missing ? $"Attribute {missing} is missing" : null);
        Add(explanation ?? (error is LinuxError.EPERM ? "It needs CAP_NET_ADMIN in the network namespace" : null));
        return text.Length == 0 ? null : text.ToString();

        void Add(string? sentence)
        {
            if (sentence is not null)
            {
                text.Append(text.Length > 0 ? " " : "").Append(sentence).Append(sentence.EndsWith('.') ? "" : ".");
            }
        }
    }
}

/// <summary>What is dumped kept changing while it was read, at every try (NLM_F_DUMP_INTR): the result may lack objects or hold them twice.</summary>
/// <param name="operation">What was asked for.</param>
/// <param name="attempts">How often it was tried.</param>
/// <param name="results">What the last try read.</param>
public sealed class DumpInterruptedException(string operation, int attempts, System.Collections.IList results)
    : Exception($"{operation}: the objects kept changing while they were listed ({attempts} tries); the last list of {results.Count} may be incomplete.")
{
    /// <summary>What the last try read.</summary>
    public System.Collections.IList Results { get; } = results;
}
