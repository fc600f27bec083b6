namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>DSCP: sets the differentiated services field (struct xt_DSCP_info).</summary>
internal sealed class DscpTarget : XtTarget
{
    public override string Name => "DSCP";

    public override int Size => 1;

    public override IReadOnlyList<XtOption> Options { get; } = [new("set-dscp", 0, XtOptionUse.Argument, 2), new("set-dscp-class", 1, XtOptionUse.Argument, 1)];

    public override void Parse(OptionCall call) => call.Info[0] = call.Id == 0 ? call.Byte(0, 63) : DscpClasses.Parse(call);

    public override void Finish(FinishCall call)
    {
        call.RequireTable("mangle");
        if (call.Given == 0)
        {
            throw call.Fail("needs --set-dscp or --set-dscp-class");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write($" --set-dscp 0x{info[0]:x2}");
}

/// <summary>TOS: changes the type of service octet (struct xt_tos_target_info).</summary>
internal sealed class TosTarget : XtTarget
{
    public override string Name => "TOS";

    public override byte Revision => 1;

    public override int Size => 2;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("set-tos", 0, XtOptionUse.Argument, 15), new("and-tos", 1, XtOptionUse.Argument, 15), new("or-tos", 2, XtOptionUse.Argument, 15),
        new("xor-tos", 3, XtOptionUse.Argument, 15),
    ];

    public override void Parse(OptionCall call)
    {
        (call.Info[0], call.Info[1]) = call.Id switch
        {
            0 => TosValues.Parse(call),
            1 => ((byte)0, (byte)~call.Byte()),
            2 => (call.Byte(), call.Byte()),
            _ => (call.Byte(), (byte)0),
        };
    }

    public override void Finish(FinishCall call)
    {
        call.RequireTable("mangle");
        if (call.Given == 0)
        {
            throw call.Fail("needs --set-tos, --and-tos, --or-tos or --xor-tos");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write($" --set-tos 0x{info[0]:x2}/0x{info[1]:x2}");
}

/// <summary>TTL and HL: change how many hops a packet may still go (struct ipt_TTL_info, struct ip6t_HL_info).</summary>
internal sealed class HopLimitTarget(string name, string prefix, IptablesFamily family) : XtTarget
{
    private static readonly string[] Modes = ["set", "inc", "dec"];

    public override string Name => name;

    public override int Size => 2;

    public override IptablesFamily? Family => family;

    public override IReadOnlyList<XtOption> Options { get; } = [.. Modes.Select((mode, index) => new XtOption($"{prefix}-{mode}", index, XtOptionUse.Argument, 7))];

    public override void Parse(OptionCall call) => (call.Info[0], call.Info[1]) = ((byte)call.Id, call.Byte(call.Id == 0 ? (byte)0 : (byte)1));

    public override void Finish(FinishCall call)
    {
        call.RequireTable("mangle");
        if (call.Given == 0)
        {
            throw call.Fail($"needs --{prefix}-set, --{prefix}-inc or --{prefix}-dec");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write($" --{prefix}-{Modes[Math.Min(info[0], (byte)2)]} {info[1]}");
}

/// <summary>ECN: takes explicit congestion notification out of the TCP header (struct ipt_ECN_info).</summary>
internal sealed class EcnTarget : XtTarget
{
    private const byte Ip = 1, Ece = 0x10, Cwr = 0x20;

    public override string Name => "ECN";

    public override int Size => 4;

    public override IptablesFamily? Family => IptablesFamily.Ip;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("ecn-tcp-remove", 0, XtOptionUse.None, 6), new("ecn-tcp-cwr", 1, XtOptionUse.Argument, 1), new("ecn-tcp-ece", 2, XtOptionUse.Argument, 1),
        new("ecn-ip-ect", 3),
    ];

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0:
                (call.Info[0], call.Info[2], call.Info[3]) = (Ece | Cwr, 0, 0);
                break;
            case 1:
                call.Info[0] |= Cwr;
                call.Info[3] = call.Byte(0, 1);
                break;
            case 2:
                call.Info[0] |= Ece;
                call.Info[2] = call.Byte(0, 1);
                break;
            default:
                call.Info[0] |= Ip;
                call.Info[1] = call.Byte(0, 3);
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        call.RequireTable("mangle");
        if (call.Given == 0)
        {
            throw call.Fail("needs an operation");
        }

        if ((call.Given & 7) != 0)
        {
            call.RequireProtocol(6);
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        if (info[0] == (Ece | Cwr) && info[2] == 0 && info[3] == 0)
        {
            writer.Write(" --ecn-tcp-remove");
            return;
        }

        writer.Write((info[0] & Ece) != 0 ? $" --ecn-tcp-ece {info[2]}" : "").Write((info[0] & Cwr) != 0 ? $" --ecn-tcp-cwr {info[3]}" : "")
            .Write((info[0] & Ip) != 0 ? $" --ecn-ip-ect {info[1]}" : "");
    }
}

/// <summary>AUDIT: a record for the audit daemon (struct xt_audit_info).</summary>
internal sealed class AuditTarget : XtTarget
{
    private static readonly (string Word, byte Value)[] Types = [("accept", 0), ("drop", 1), ("reject", 2)];

    public override string Name => "AUDIT";

    public override int Size => 1;

    public override IReadOnlyList<XtOption> Options { get; } = [new("type", 0, XtOptionUse.Argument | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call) => call.Info[0] = call.Choice(Types, "type", ignoreCase: true);

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write(info[0] < 3 ? $" --type {Types[info[0]].Word}" : "");
}

/// <summary>CHECKSUM: fills in a checksum that was left to the hardware (struct xt_CHECKSUM_info).</summary>
internal sealed class ChecksumTarget : XtTarget
{
    public override string Name => "CHECKSUM";

    public override int Size => 1;

    public override IReadOnlyList<XtOption> Options { get; } = [new("checksum-fill", 0, XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call) => call.Info[0] = 1;

    public override void Finish(FinishCall call) => call.RequireTable("mangle");

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write((info[0] & 1) != 0 ? " --checksum-fill" : "");
}

/// <summary>CONNSECMARK: carries a security mark between packet and flow (struct xt_connsecmark_target_info).</summary>
internal sealed class ConnsecmarkTarget : XtTarget
{
    public override string Name => "CONNSECMARK";

    public override int Size => 1;

    public override IReadOnlyList<XtOption> Options { get; } = [new("save", 0, XtOptionUse.None, 2), new("restore", 1, XtOptionUse.None, 1)];

    public override void Parse(OptionCall call) => call.Info[0] = (byte)(call.Id + 1);

    public override void Finish(FinishCall call)
    {
        call.RequireTable("mangle", "security");
        if (call.Given == 0)
        {
            throw call.Fail("needs --save or --restore");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write(info[0] == 1 ? " --save" : " --restore");
}

/// <summary>SECMARK: gives the packet a security context (struct xt_secmark_target_info_v1).</summary>
internal sealed class SecmarkTarget : XtTarget
{
    public override string Name => "SECMARK";

    public override byte Revision => 1;

    public override int Size => 264;

    public override int UserSize => 260;

    public override IReadOnlyList<XtOption> Options { get; } = [new("selctx", 0, XtOptionUse.Argument | XtOptionUse.Mandatory)];

    public override void Initialize(Span<byte> info) => info[0] = 1;

    public override void Parse(OptionCall call) => call.PutText(1, 256);

    public override void Finish(FinishCall call) => call.RequireTable("mangle", "security");

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write($" --selctx {info.Text(1, 256)}");
}

/// <summary>CLASSIFY: the traffic class (struct xt_classify_target_info).</summary>
internal sealed class ClassifyTarget : XtTarget
{
    public override string Name => "CLASSIFY";

    public override int Size => 4;

    public override IReadOnlyList<XtOption> Options { get; } = [new("set-class", 0, XtOptionUse.Argument | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        string[] parts = call.Argument.Split(':');
        call.Info.Put32(0, parts.Length == 2 && Part(parts[0]) is { } major && Part(parts[1]) is { } minor
            ? (major << 16) | (minor & 0xffff)
            : throw call.Fail($"'{call.Argument}' is no class as 1:a, in hexadecimal"));
    }

    public override void Finish(FinishCall call) => call.RequireChain("FORWARD", "OUTPUT", "POSTROUTING");

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) => writer.Write($" --set-class {info.UInt32(0) >> 16:x4}:{info.UInt32(0) & 0xffff:x4}");

    private static uint? Part(string text) =>
        uint.TryParse(text.StartsWith("0x", StringComparison.Ordinal) ? text[2..] : text, System.Globalization.NumberStyles.AllowHexSpecifier,
            System.Globalization.CultureInfo.InvariantCulture, out uint value) ? value : null;
}

/// <summary>TRACE: the packet's way through the rules is told to listeners (no block).</summary>
internal sealed class TraceTarget : XtTarget
{
    public override string Name => "TRACE";

    public override int Size => 0;

    public override IReadOnlyList<XtOption> Options { get; } = [];

    public override void Parse(OptionCall call)
    {
    }

    public override void Finish(FinishCall call) => call.RequireTable("raw");

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
    }
}
