using System.Net;
using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>SNPT and DNPT: stateless translation of IPv6 prefixes (struct ip6t_npt_tginfo).</summary>
internal sealed class NptTarget(string name) : XtTarget
{
    public override string Name => name;

    public override int Size => 36;

    public override int UserSize => 34;

    public override IptablesFamily? Family => IptablesFamily.Ip6;

    public override IReadOnlyList<XtOption> Options { get; } =
        [new("src-pfx", 0, XtOptionUse.Argument | XtOptionUse.Mandatory), new("dst-pfx", 1, XtOptionUse.Argument | XtOptionUse.Mandatory)];

    public override void Parse(OptionCall call)
    {
        (IPAddress address, IPAddress mask) = call.HostMask();
        int length = Addresses.PrefixLength(mask) ?? 128;
        if (length > 64)
        {
            throw call.Fail($"'{call.Argument}' is no prefix of 64 bits or less");
        }

        if (!Addresses.And(address, mask).Equals(address))
        {
            throw call.Fail($"'{call.Argument}' has bits beyond its prefix");
        }

        call.Info.PutAddress(call.Id * 16, address);
        call.Info[32 + call.Id] = (byte)length;
    }

    public override void Finish(FinishCall call)
    {
        call.RequireTable("mangle");
        if (name == "SNPT")
        {
            call.RequireChain("INPUT", "POSTROUTING");
        }
        else
        {
            call.RequireChain("PREROUTING", "OUTPUT");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer) =>
        writer.Write($" --src-pfx {Addresses.Text(info.Address(0, IptablesFamily.Ip6))}/{info[32]}")
            .Write($" --dst-pfx {Addresses.Text(info.Address(16, IptablesFamily.Ip6))}/{info[33]}");
}
