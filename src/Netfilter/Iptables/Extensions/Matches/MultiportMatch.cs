namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>multiport: up to fifteen ports or ranges (struct xt_multiport_v1).</summary>
internal sealed class MultiportMatch : XtMatch
{
    private const int FlagsField = 0, CountField = 1, PortsField = 2, RangeField = 32, InvertField = 47, MostPorts = 15;

    private static readonly string[] Words = [" --sports ", " --dports ", " --ports "];

    public override string Name => "multiport";

    public override byte Revision => 1;

    public override int Size => 48;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("source-ports", 0, ArgumentOrNot, 7), new("sports", 0, ArgumentOrNot, 7),
        new("destination-ports", 1, ArgumentOrNot, 7), new("dports", 1, ArgumentOrNot, 7), new("ports", 2, ArgumentOrNot, 7),
    ];

    public override void Parse(OptionCall call)
    {
        string protocol = call.Protocol switch
        {
            { Negated: false, Number: 6 } => "tcp",
            { Negated: false, Number: 17 } => "udp",
            { Negated: false, Number: 136 } => "udplite",
            { Negated: false, Number: 132 } => "sctp",
            { Negated: false, Number: 33 } => "dccp",
            _ => throw call.Fail("stands behind -p tcp, udp, udplite, sctp or dccp"),
        };
        Span<byte> info = call.Info;
        int count = 0;
        foreach (string part in call.Argument.Split(','))
        {
            string[] ends = part.Split(':', 2);
            if (count + ends.Length > MostPorts)
            {
                throw call.Fail($"takes {MostPorts} ports at most, a range counts twice");
            }

            ushort low = call.Port(ends[0], protocol);
            info.Put16(PortsField + (count * 2), low);
            if (ends.Length == 2)
            {
                info[RangeField + count++] = 1;
                ushort high = call.Port(ends[1], protocol);
                info.Put16(PortsField + (count * 2), high);
                if (low >= high)
                {
                    throw call.Fail($"the port range '{part}' runs backwards");
                }
            }

            count++;
        }

        info[FlagsField] = (byte)call.Id;
        info[CountField] = (byte)count;
        info[InvertField] = call.Negated ? (byte)1 : (byte)0;
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail("needs --sports, --dports or --ports");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        writer.Not(info[InvertField] != 0).Write(Words[Math.Min(info[FlagsField], (byte)2)]);
        for (int index = 0; index < Math.Min(info[CountField], (byte)MostPorts); index++)
        {
            writer.Write($"{(index == 0 ? "" : ",")}{info.UInt16(PortsField + (index * 2))}");
            if (info[RangeField + index] != 0 && index + 1 < MostPorts)
            {
                index++;
                writer.Write($":{info.UInt16(PortsField + (index * 2))}");
            }
        }
    }
}
