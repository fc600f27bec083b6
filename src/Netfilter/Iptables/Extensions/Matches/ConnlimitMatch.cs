using EucaNet.Netfilter.Iptables.Names;
using EucaNet.Netfilter.Iptables.Text;
namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>connlimit: how many flows an address or network has (struct xt_connlimit_info).</summary>
internal sealed class ConnlimitMatch : XtMatch
{
    public override string Name => "connlimit";

    public override byte Revision => 1;

    public override int Size => 32;

    public override int UserSize => 24;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("connlimit-upto", 0, ArgumentOrNot, 2), new("connlimit-above", 1, ArgumentOrNot, 1), new("connlimit-mask", 2),
        new("connlimit-saddr", 3, XtOptionUse.None, 16), new("connlimit-daddr", 4, XtOptionUse.None, 8),
    ];

    public override void Initialize(Span<byte> info) => info[..16].Fill(0xff);

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case <= 1:
                call.Info.Put32(16, call.UInt32());
                call.Info.Or32(20, (call.Id == 0) != call.Negated ? 1u : 0);
                break;
            case 2:
                call.Info[..16].Clear();
                
                // The tool reads up to 128 for either family, and fills the field with as many ones.
                call.Info.PutAddress(0, Numbers.TryWhole(call.Argument, 128, out ulong length) ? Addresses.Prefix(IptablesFamily.Ip6, (int)length) : call.PrefixMask());
                break;
            default:
                call.Info.Or32(20, call.Id == 4 ? 2u : 0);
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        if ((call.Given & 3) == 0)
        {
            throw call.Fail("needs --connlimit-above or --connlimit-upto");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint flags = info.UInt32(20);
        int bits = writer.Family == IptablesFamily.Ip ? 32 : 128;
        int length = bits - TrailingZeros(info[..(bits / 8)]);
        writer.Write($"{((flags & 1) != 0 ? " --connlimit-upto " : " --connlimit-above ")}{info.UInt32(16)} --connlimit-mask {length}")
            .Write((flags & 2) != 0 ? " --connlimit-daddr" : " --connlimit-saddr");
    }

    private static int TrailingZeros(ReadOnlySpan<byte> mask)
    {
        int zeros = 0;
        for (int index = mask.Length - 1; index >= 0; index--)
        {
            if (mask[index] != 0)
            {
                return zeros + int.TrailingZeroCount(mask[index]);
            }

            zeros += 8;
        }

        return zeros;
    }
}
