using System.Net;
using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>iprange: addresses from one to another (struct xt_iprange_mtinfo).</summary>
internal sealed class IprangeMatch : XtMatch
{
    public override string Name => "iprange";

    public override byte Revision => 1;

    public override int Size => 65;

    public override IReadOnlyList<XtOption> Options { get; } = [new("src-range", 0, ArgumentOrNot), new("dst-range", 1, ArgumentOrNot)];

    public override void Parse(OptionCall call)
    {
        string[] ends = call.Argument.Split('-', 2);
        call.Info.PutAddress(call.Id * 32, call.Host(ends[0]));
        call.Info.PutAddress((call.Id * 32) + 16, call.Host(ends[^1]));
        call.Info[64] |= (byte)((call.Negated ? 0x11 : 1) << call.Id);
    }

    public override void Finish(FinishCall call)
    {
        if (call.Given == 0)
        {
            throw call.Fail("needs --src-range or --dst-range");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        for (int side = 0; side < 2; side++)
        {
            if ((info[64] & (1 << side)) != 0)
            {
                IPAddress low = info.Address(side * 32, writer.Family), high = info.Address((side * 32) + 16, writer.Family);
                writer.Not((info[64] & (0x10 << side)) != 0)
                    .Write($"{(side == 0 ? " --src-range " : " --dst-range ")}{Addresses.Text(low)}-{Addresses.Text(high)}");
            }
        }
    }
}
