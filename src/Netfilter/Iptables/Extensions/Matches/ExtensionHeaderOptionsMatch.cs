using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>hbh and dst: the options of an IPv6 hop-by-hop or destination header (struct ip6t_opts).</summary>
internal sealed class ExtensionHeaderOptionsMatch(string name) : XtMatch
{
    private const int MostOptions = 16;

    public override string Name => name;

    public override int Size => 40;

    public override IptablesFamily? Family => IptablesFamily.Ip6;

    public override IReadOnlyList<XtOption> Options { get; } = [new($"{name}-len", 0, ArgumentOrNot), new($"{name}-opts", 1)];

    public override void Parse(OptionCall call)
    {
        if (call.Id == 0)
        {
            call.Info.Put32(0, call.UInt32());
            call.Info[4] |= 1;
            call.Info[5] |= call.Negated ? (byte)1 : (byte)0;
            return;
        }

        string[] parts = call.Argument.Split(',');
        if (parts.Length > MostOptions)
        {
            throw call.Fail($"takes {MostOptions} options at most");
        }

        for (int index = 0; index < parts.Length; index++)
        {
            string[] pair = parts[index].Split(':', 2);
            ulong length = 0xff;
            if (!Numbers.TryWhole(pair[0], uint.MaxValue, out ulong type) || (pair.Length == 2 && !Numbers.TryWhole(pair[1], uint.MaxValue, out length)))
            {
                throw call.Fail($"'{parts[index]}' is no option type, nor a type and its length as 23:42");
            }

            if (pair.Length == 2 && (type & 0xff) == 0)
            {
                throw call.Fail("option 0 (padding) has no length");
            }

            call.Info.Put16(6 + (index * 2), (ushort)(((type & 0xff) << 8) | (length & 0xff)));
        }

        call.Info[38] = (byte)parts.Length;
        call.Info[4] |= 2;
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        if ((info[4] & 1) != 0)
        {
            writer.Not((info[5] & 1) != 0).Write($" --{name}-len {info.UInt32(0)}");
        }

        if ((info[4] & 2) != 0)
        {
            writer.Write($" --{name}-opts");
        }

        for (int index = 0; index < Math.Min(info[38], (byte)MostOptions); index++)
        {
            ushort option = info.UInt16(6 + (index * 2));
            writer.Write($"{(index == 0 ? ' ' : ',')}{option >> 8}").Write((option & 0xff) == 0xff ? "" : $":{option & 0xff}");
        }
    }
}
