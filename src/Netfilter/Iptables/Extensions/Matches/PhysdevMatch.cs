using System.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>physdev: the bridge's port a packet came in or leaves by (struct xt_physdev_info).</summary>
internal sealed class PhysdevMatch : XtMatch
{
    private const byte In = 1, Out = 2, Bridged = 4, IsIn = 8, IsOut = 16;

    private static readonly byte[] Bits = [In, Out, IsIn, IsOut, Bridged];

    public override string Name => "physdev";

    public override int Size => 66;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("physdev-in", 0, ArgumentOrNot), new("physdev-out", 1, ArgumentOrNot), new("physdev-is-in", 2, XtOptionUse.Invert),
        new("physdev-is-out", 3, XtOptionUse.Invert), new("physdev-is-bridged", 4, XtOptionUse.Invert),
    ];

    public override void Parse(OptionCall call)
    {
        if (call.Id <= 1)
        {
            string name = call.Argument;
            int length = Encoding.UTF8.GetByteCount(name);
            if (length is 0 or > 15)
            {
                throw call.Fail($"the interface name '{name}' has none or more than 15 characters");
            }

            call.Info.PutText(call.Id * 32, 16, name);
            call.Info.Slice((call.Id * 32) + 16, name[^1] == '+' ? length - 1 : length + 1).Fill(0xff);
        }

        call.Info[65] |= Bits[call.Id];
        call.Info[64] |= call.Negated ? Bits[call.Id] : (byte)0;
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail("needs an option");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        byte inverted = info[64], flags = info[65];
        Option(IsIn, " --physdev-is-in");
        Option(In, $" --physdev-in {info.Text(0, 16)}");
        Option(IsOut, " --physdev-is-out");
        Option(Out, $" --physdev-out {info.Text(32, 16)}");
        Option(Bridged, " --physdev-is-bridged");

        void Option(byte bit, string text)
        {
            if ((flags & bit) != 0)
            {
                writer.Not((inverted & bit) != 0).Write(text);
            }
        }
    }
}
