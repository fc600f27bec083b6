using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>What goes with an error besides its number (struct netlink_ext_ack).</summary>
internal sealed class ExtendedAcknowledgement
{
    /// <summary>Start of the message within the memory its attributes point into.</summary>
    public int MessageStart { get; private set; }

    public string? Message { get; set; }

    /// <summary>Offset of the offending attribute from the message's start.</summary>
    public int? Offset { get; private set; }

    public byte[]? Policy { get; private set; }

    public void Reset(int messageStart)
    {
        MessageStart = messageStart;
        Message = null;
        Offset = null;
        Policy = null;
    }

    /// <summary>The answer to the message, given what its handler returned.</summary>
    public Sockets.Verdict ToVerdict(LinuxError error) =>
        Message is null && (Offset is null || error == LinuxError.None) ? error : new Sockets.Verdict(error, Message, error == LinuxError.None ? 0 : Offset ?? 0, Policy);

    public void BadAttribute(KernelAttribute attribute)
    {
        if (attribute.Exists)
        {
            Offset = attribute.Offset - MessageStart;
        }
    }

    public void RefusedByPolicy(KernelAttribute attribute, AttributeRule rule)
    {
        BadAttribute(attribute);
        if (rule.Mask is not null && attribute.Length >= sizeof(uint))
        {
            Message = "reserved bit set";
            return;
        }

        Message = rule.Maximum is not null && rule.Kind is >= AttributeKind.U8 and <= AttributeKind.U64 ? "integer out of range" : "Attribute failed policy validation";
        Policy = rule.Mask is null && rule.Kind != AttributeKind.Refused ? rule.Describe() : null;
    }
}
