using System.Net;
using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>NETMAP: a network in place of another, host bits kept (struct nf_nat_ipv4_multi_range_compat, struct nf_nat_range).</summary>
internal sealed class NetmapTarget(IptablesFamily family) : XtTarget
{
    private readonly int _base = family == IptablesFamily.Ip ? 4 : 0;
    private readonly int _addressSize = family == IptablesFamily.Ip ? 4 : 16;

    public override string Name => "NETMAP";

    public override int Size => family == IptablesFamily.Ip ? 20 : 40;

    public override IptablesFamily? Family => family;

    public override IReadOnlyList<XtOption> Options { get; } = [new("to", 0, XtOptionUse.Argument | XtOptionUse.Mandatory)];

    public override void Initialize(Span<byte> info)
    {
        if (family == IptablesFamily.Ip)
        {
            info.Put32(0, 1);
        }
    }

    public override void Parse(OptionCall call)
    {
        (IPAddress address, IPAddress mask) = call.HostMask();
        byte[] low = Addresses.And(address, mask).GetAddressBytes();
        byte[] ones = mask.GetAddressBytes();
        call.Info.Or32(_base, 1);
        for (int index = 0; index < _addressSize; index++)
        {
            call.Info[_base + 4 + index] = low[index];
            call.Info[_base + 4 + _addressSize + index] = (byte)(low[index] | ~ones[index]);
        }
    }

    public override void Finish(FinishCall call) => call.RequireTable("nat");

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        ReadOnlySpan<byte> low = info.Slice(_base + 4, _addressSize), high = info.Slice(_base + 4 + _addressSize, _addressSize);
        byte[] mask = new byte[_addressSize];
        for (int index = 0; index < mask.Length; index++)
        {
            mask[index] = (byte)~(low[index] ^ high[index]);
        }

        string suffix = Addresses.PrefixLength(mask) is { } length ? $"{length}" : Addresses.Text(new IPAddress(mask));
        writer.Write($" --to {Addresses.Text(new IPAddress(low))}/{suffix}");
    }
}
