using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>rt: the IPv6 routing header (struct ip6t_rt).</summary>
internal sealed class RtMatch : XtMatch
{
    private const int AddressField = 20, MostAddresses = 16, CountField = 276;

    public override string Name => "rt";

    public override int Size => 280;

    public override IptablesFamily? Family => IptablesFamily.Ip6;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("rt-type", 0, ArgumentOrNot), new("rt-segsleft", 1, ArgumentOrNot), new("rt-len", 2, ArgumentOrNot), new("rt-0-res", 3, XtOptionUse.None),
        new("rt-0-addrs", 4), new("rt-0-not-strict", 5, XtOptionUse.None),
    ];

    public override void Initialize(Span<byte> info) => info.Put32(8, uint.MaxValue);

    public override void Parse(OptionCall call)
    {
        Span<byte> info = call.Info;
        switch (call.Id)
        {
            case 0:
                info.Put32(0, call.UInt32());
                break;
            case 1:
                (ulong low, ulong high, _) = call.NumberRange(uint.MaxValue);
                info.Put32(4, (uint)low);
                info.Put32(8, (uint)high);
                break;
            case 2:
                info.Put32(12, call.UInt32());
                break;
            case 3 or 4 when (call.Given & 1) == 0 || ((ReadOnlySpan<byte>)info).UInt32(0) != 0 || (info[17] & 1) != 0:
                throw call.Fail($"--{call.Option.Name} stands behind --rt-type 0");
            case 4:
                string[] addresses = call.Argument.Split(',');
                if (addresses.Length > MostAddresses)
                {
                    throw call.Fail($"takes {MostAddresses} addresses at most");
                }

                for (int index = 0; index < addresses.Length; index++)
                {
                    info.PutAddress(AddressField + (index * 16), call.Host(addresses[index]));
                }

                info[CountField] = (byte)addresses.Length;
                break;
            case 5 when (call.Given & 16) == 0:
                throw call.Fail("--rt-0-not-strict stands behind --rt-0-addrs");
            default:
                break;
        }

        info[16] |= (byte)(1 << call.Id);
        info[17] |= call.Negated ? (byte)(1 << call.Id) : (byte)0;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        byte flags = info[16], inverted = info[17];
        if ((flags & 1) != 0)
        {
            writer.Not((inverted & 1) != 0).Write($" --rt-type {info.UInt32(0)}");
        }

        writer.Range32("--rt-segsleft", info.UInt32(4), info.UInt32(8), (inverted & 2) != 0);
        if ((flags & 4) != 0)
        {
            writer.Not((inverted & 4) != 0).Write($" --rt-len {info.UInt32(12)}");
        }

        writer.Write((flags & 8) != 0 ? " --rt-0-res" : "").Write((flags & 16) != 0 ? " --rt-0-addrs" : "");
        for (int index = 0; index < Math.Min(info[CountField], (byte)MostAddresses); index++)
        {
            writer.Write($"{(index == 0 ? ' ' : ',')}{Addresses.Text(info.Address(AddressField + (index * 16), IptablesFamily.Ip6))}");
        }

        writer.Write((flags & 32) != 0 ? " --rt-0-not-strict" : "");
    }
}
