using System.Globalization;
using System.Net;
using EucaNet.Netfilter.Iptables.Names;
using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>One option of an extension as it was written, with the block it goes into and the readers of its argument.</summary>
internal sealed class OptionCall(XtExtension extension, XtOption option, bool negated, Token word, Token? argument, RuleParser parser)
{
    public XtOption Option { get; } = option;

    public int Id => Option.Id;

    /// <summary>"!" stood before the option.</summary>
    public bool Negated { get; } = negated;

    /// <summary>The extension's block.</summary>
    public required byte[] Block { get; init; }

    /// <summary>The options of this extension given before, as bits.</summary>
    public required uint Given { get; init; }

    public Span<byte> Info => Block;

    public IptablesFamily Family => parser.Context.Family;

    /// <summary>Turns names into the kernel's numbers.</summary>
    public IptablesNames Names => parser.Context.Names;

    /// <summary>The protocol asked for so far.</summary>
    public ProtocolMatch? Protocol => parser.Protocol;

    /// <summary>The argument's text; empty for an option without one.</summary>
    public string Argument => argument?.Text ?? "";

    /// <summary>The word that follows, for the few options with two arguments.</summary>
    public string TakeSecond(string missing) => TryTakeSecond() ?? throw Fail(missing);

    /// <summary>The word that follows, or null where there is none or an option begins.</summary>
    public string? TryTakeSecond() => parser.TakeArgument()?.Text;

    /// <summary>An error at this option's argument.</summary>
    public IptablesParseException Fail(string reason, string? suggestion = null)
    {
        Token at = argument ?? word;
        return new IptablesParseException($"{extension.Name}: {reason}", 0, at.Column, at.Text, suggestion);
    }

    private IptablesParseException Bad(ulong minimum, ulong maximum) =>
        Fail($"bad value '{Argument}' for --{Option.Name}, or out of range ({minimum}-{maximum})");

    /// <summary>The argument as one number.</summary>
    public ulong Number(ulong minimum, ulong maximum) =>
        Numbers.TryParse(Argument, out ulong value, out string rest) && rest.Length == 0 && value >= minimum && value <= maximum
            ? value
            : throw Bad(minimum, maximum);

    public byte Byte(byte minimum = 0, byte maximum = byte.MaxValue) => (byte)Number(minimum, maximum);

    public ushort UInt16(ushort minimum = 0, ushort maximum = ushort.MaxValue) => (ushort)Number(minimum, maximum);

    public uint UInt32(uint minimum = 0, uint maximum = uint.MaxValue) => (uint)Number(minimum, maximum);

    /// <summary>The argument as "a", "a:", ":b" or "a:b"; <c>Count</c> says how many parts there were.</summary>
    public (ulong Low, ulong High, int Count) NumberRange(ulong maximum)
    {
        string[] parts = Argument.Split(':');
        if (parts.Length > 2)
        {
            throw Fail($"too many components for --{Option.Name} (at most 2)");
        }

        ulong low = Part(parts[0], 0);
        return parts.Length == 1 ? (low, low, 1) : (low, Part(parts[1], maximum), 2);

        ulong Part(string part, ulong absent) =>
            part.Length == 0 ? absent
            : Numbers.TryParse(part, out ulong value, out string rest) && rest.Length == 0 && value <= maximum ? value
            : throw Fail($"bad value for --{Option.Name} near '{part}', or out of range (0-{maximum})");
    }

    /// <summary>One port by number or name.</summary>
    public ushort Port(string text, string? protocol = null) =>
        ServiceNames.TryPort(text, protocol, out ushort port) ? port : throw Fail($"invalid port or service '{text}'", ServiceNames.Nearest(text));

    /// <summary>One port in decimal or by name: the newer matches of iptables read no other numbers.</summary>
    public ushort DecimalPort(string text) =>
        !char.IsAsciiDigit(text.FirstOrDefault()) ? Port(text)
        : ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) ? port
        : throw Fail($"invalid port or service '{text}' (a decimal number in 0-65535)");

    /// <summary>"a", "a:", ":b" or "a:b" of ports; not checked for order. Without a protocol the numbers are decimal.</summary>
    public (ushort Low, ushort High) PortRange(string? protocol = null)
    {
        string[] parts = Argument.Split(':');
        if (parts.Length > 2)
        {
            throw Fail($"too many components for --{Option.Name} (at most 2)");
        }

        ushort Read(string part) => protocol is null ? DecimalPort(part) : Port(part, protocol);
        ushort low = parts[0].Length == 0 ? (ushort)0 : Read(parts[0]);
        ushort high = parts.Length == 1 ? low : parts[1].Length == 0 ? ushort.MaxValue : Read(parts[1]);
        return (low, high);
    }

    /// <summary>"value[/mask]".</summary>
    public (uint Value, uint Mask) MarkMask()
    {
        uint mask = uint.MaxValue;
        if (!Numbers.TryParse(Argument, out ulong value, out string rest) || value > uint.MaxValue)
        {
            throw Fail($"bad integer value for --{Option.Name}, or out of range");
        }

        if (rest.Length > 0)
        {
            if (rest[0] != '/' || !Numbers.TryParse(rest[1..], out ulong bits, out string end) || end.Length > 0 || bits > uint.MaxValue)
            {
                throw Fail($"--{Option.Name} takes a value, or a value and a mask as 0x1/0xff");
            }

            mask = (uint)bits;
        }

        return ((uint)value, mask);
    }

    /// <summary>One address of the rule's family; names are not resolved.</summary>
    public IPAddress Host(string? text = null) =>
        Addresses.TryParse(text ?? Argument, Family, out IPAddress? address)
            ? address
            : throw Fail($"'{text ?? Argument}' is no {(Family == IptablesFamily.Ip ? "IPv4" : "IPv6")} address (names are not resolved)");

    /// <summary>"address[/length or mask]" into two fields of sixteen bytes. Without a mask the whole field is ones, in IPv4 too, as the tools write it.</summary>
    public void PutHostMask(int addressField, int maskField)
    {
        (IPAddress address, IPAddress mask) = HostMask();
        Info.Slice(addressField, 16).Clear();
        Info.PutAddress(addressField, address);
        Info.Slice(maskField, 16).Fill(Argument.Contains('/', StringComparison.Ordinal) ? (byte)0 : (byte)0xff);
        Info.PutAddress(maskField, mask);
    }

    /// <summary>"address[/length or mask]".</summary>
    public (IPAddress Address, IPAddress Mask) HostMask()
    {
        int slash = Argument.IndexOf('/', StringComparison.Ordinal);
        return slash < 0
            ? (Host(), Addresses.Prefix(Family, Family == IptablesFamily.Ip ? 32 : 128))
            : (Host(Argument[..slash]), PrefixMask(Argument[(slash + 1)..]));
    }

    /// <summary>A prefix length, or a mask that has one.</summary>
    public IPAddress PrefixMask(string? text = null) => Addresses.Prefix(Family, PrefixLength(text));

    /// <summary>A prefix length, or a contiguous mask's.</summary>
    public int PrefixLength(string? text = null)
    {
        string value = text ?? Argument;
        int longest = Family == IptablesFamily.Ip ? 32 : 128;
        if (Numbers.TryParse(value, out ulong length, out string rest) && rest.Length == 0 && length <= (ulong)longest)
        {
            return (int)length;
        }

        return Addresses.TryParse(value, Family, out IPAddress? mask) && Addresses.PrefixLength(mask) is { } prefix
            ? prefix
            : throw Fail($"'{value}' is neither a mask nor a prefix length (0-{longest})");
    }

    /// <summary>
    /// The argument as a text for a field of <paramref name="size"/> bytes, its NUL included; longer ones are cut. What stands behind
    /// the NUL stays, as the tools leave it.
    /// </summary>
    public void PutText(int offset, int size)
    {
        byte[] text = System.Text.Encoding.UTF8.GetBytes(Argument);
        int length = Math.Min(text.Length, size - 1);
        text.AsSpan(0, length).CopyTo(Info[offset..]);
        Info[offset + length] = 0;
    }

    /// <summary>Six octets in hex, with colons between them.</summary>
    public void PutHardwareAddress(int offset)
    {
        string[] parts = Argument.Split(':');
        for (int index = 0; index < 6; index++)
        {
            Info[offset + index] = parts.Length == 6 && parts[index].Length is 1 or 2
                && byte.TryParse(parts[index], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte octet)
                ? octet
                : throw Fail($"'{Argument}' is no MAC address of six octets");
        }
    }

    /// <summary>A word of a list, case ignored.</summary>
    public T Choice<T>(IReadOnlyList<(string Word, T Value)> choices, string what, bool ignoreCase = false)
    {
        foreach ((string word, T value) in choices)
        {
            if (string.Equals(word, Argument, ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal))
            {
                return value;
            }
        }

        throw Fail($"unknown {what} '{Argument}'", NearestWord.Find(Argument, choices.Select(choice => choice.Word)));
    }

    public double Double(double minimum, double maximum) =>
        double.TryParse(Argument, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= minimum && value <= maximum
            ? value
            : throw Fail($"bad value for --{Option.Name}, or out of range ({minimum}-{maximum})");

    /// <summary>Resolves a user's or group's name.</summary>
    public uint? Account(string name, bool group) => Names.Account?.Invoke(name, group) ?? (name == "root" ? 0u : null);
}

/// <summary>The end of an extension's options.</summary>
internal sealed class FinishCall(XtExtension extension, Token word, RuleParser parser)
{
    /// <summary>The options given, as bits.</summary>
    public required uint Given { get; init; }

    public required byte[] Block { get; init; }

    public Span<byte> Info => Block;

    public IptablesFamily Family => parser.Context.Family;

    public RuleContext Context => parser.Context;

    public ProtocolMatch? Protocol => parser.Protocol;

    /// <summary>The names of the other matches of the rule with their blocks.</summary>
    public IEnumerable<(string Name, byte[] Block)> OtherMatches => parser.MatchBlocks;

    public IptablesParseException Fail(string reason) => new($"{extension.Name}: {reason}", 0, word.Column, word.Text, null);

    /// <summary>The kernel takes this only with one of these protocols, not negated.</summary>
    public void RequireProtocol(params ReadOnlySpan<byte> protocols)
    {
        if (Protocol is not { Negated: false } protocol || !protocols.Contains(protocol.Number))
        {
            var names = new List<string>();
            foreach (byte number in protocols)
            {
                names.Add("-p " + ProtocolNames.Name(number));
            }

            throw Fail($"works only with {string.Join(" or ", names)}");
        }
    }

    /// <summary>
    /// The same for tcp and udp, whose ports and flags the nft interface compares in nf_tables: there a negated protocol passes too.
    /// </summary>
    public void RequireProtocolForPorts(byte protocol)
    {
        if (Context.Interface != IptablesInterface.Nft || Protocol?.Number != protocol)
        {
            RequireProtocol(protocol);
        }
    }

    /// <summary>The kernel takes this only in these tables.</summary>
    public void RequireTable(params ReadOnlySpan<string> tables)
    {
        if (Context.Table.Length > 0 && !tables.Contains(Context.Table))
        {
            throw Fail($"works only in the table{(tables.Length > 1 ? "s" : "")} {string.Join(", ", tables.ToArray())}");
        }
    }

    /// <summary>The kernel takes this only on these hooks. A user's chain is not looked at.</summary>
    public void RequireChain(params ReadOnlySpan<string> chains)
    {
        if (BuiltinTable.Find(Context.Table)?.Chain(Context.Chain) is not null && !chains.Contains(Context.Chain))
        {
            throw Fail($"works only in {string.Join(", ", chains.ToArray())}, and chains called from there");
        }
    }
}
