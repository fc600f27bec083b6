using System.Net;
using EucaNet.Netfilter.Iptables.Names;
using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>How a NAT target's block is laid out.</summary>
internal enum NatLayout
{
    /// <summary>struct nf_nat_ipv4_multi_range_compat: a count, then one range of IPv4 addresses.</summary>
    Ipv4Compatible,

    /// <summary>struct nf_nat_range.</summary>
    Range,

    /// <summary>struct nf_nat_range2: also a base port for shifted ranges.</summary>
    ShiftedRange,
}

/// <summary>SNAT, DNAT, MASQUERADE and REDIRECT: which addresses and ports take the place of a packet's own.</summary>
internal sealed class NatTarget(string name, NatLayout layout, IptablesFamily? family, byte revision) : XtTarget
{
    private const uint MapAddresses = 1, PortsGiven = 2, Random = 4, Persistent = 8, RandomFully = 16, Shifted = 32;
    private const int Address = 0, Ports = 1;

    private readonly int _base = layout == NatLayout.Ipv4Compatible ? 4 : 0;

    public override string Name => name;

    public override byte Revision => revision;

    public override int Size => layout switch
    {
        NatLayout.Ipv4Compatible => 20,
        NatLayout.Range => 40,
        _ => 44,
    };

    public override IptablesFamily? Family => family;

    public override IReadOnlyList<XtOption> Options { get; } = name switch
    {
        "SNAT" =>
        [
            new("to-source", Address, XtOptionUse.Argument | XtOptionUse.Mandatory), new("random", 2, XtOptionUse.None),
            new("random-fully", 3, XtOptionUse.None), new("persistent", 4, XtOptionUse.None),
        ],
        "DNAT" =>
        [
            new("to-destination", Address, XtOptionUse.Argument | XtOptionUse.Mandatory), new("random", 2, XtOptionUse.None),
            new("persistent", 4, XtOptionUse.None),
        ],
        "MASQUERADE" => [new("to-ports", Ports), new("random", 2, XtOptionUse.None), new("random-fully", 3, XtOptionUse.None)],
        _ => [new("to-ports", Ports), new("random", 2, XtOptionUse.None)],
    };

    private int AddressSize => layout == NatLayout.Ipv4Compatible ? 4 : 16;

    private int PortField => _base + 4 + (AddressSize * 2);

    public override void Initialize(Span<byte> info)
    {
        if (layout == NatLayout.Ipv4Compatible)
        {
            info.Put32(0, 1);
        }
    }

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case Address:
                ParseAddresses(call);
                break;
            case Ports:
                ParsePorts(call, call.Argument);
                break;
            default:
                call.Info.Or32(_base, call.Id == 2 ? Random : call.Id == 3 ? RandomFully : Persistent);
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        call.RequireTable("nat");
        if (name == "MASQUERADE")
        {
            call.RequireChain("POSTROUTING");
        }
        else if (name == "SNAT")
        {
            call.RequireChain("POSTROUTING", "INPUT");
        }
        else
        {
            call.RequireChain("PREROUTING", "OUTPUT");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint flags = info.UInt32(_base);
        bool ports = (flags & PortsGiven) != 0;
        if ((flags & MapAddresses) != 0)
        {
            IPAddress low = info.Address(_base + 4, writer.Family), high = info.Address(_base + 4 + AddressSize, writer.Family);
            bool brackets = ports && writer.Family == IptablesFamily.Ip6;
            writer.Write(name == "SNAT" ? " --to-source " : " --to-destination ").Write(brackets ? "[" : "").Write(Addresses.Text(low))
                .Write(low.Equals(high) ? "" : $"-{Addresses.Text(high)}").Write(brackets ? "]" : "");
        }

        if (ports)
        {
            ushort low = info.UInt16Big(PortField), high = info.UInt16Big(PortField + 2);
            writer.Write((flags & MapAddresses) != 0 ? ":" : name is "SNAT" ? " --to-source :" : name is "DNAT" ? " --to-destination :" : " --to-ports ")
                .Write($"{low}").Write(low == high ? "" : $"-{high}");
            if ((flags & Shifted) != 0 && layout == NatLayout.ShiftedRange)
            {
                writer.Write($"/{info.UInt16Big(PortField + 4)}");
            }
        }

        writer.Write((flags & Random) != 0 ? " --random" : "").Write((flags & RandomFully) != 0 ? " --random-fully" : "")
            .Write((flags & Persistent) != 0 ? " --persistent" : "");
    }

    private void ParseAddresses(OptionCall call)
    {
        string text = call.Argument;
        string addresses = text;
        string? ports = null;
        if (text.StartsWith('['))
        {
            int end = text.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || call.Family == IptablesFamily.Ip || (end + 1 < text.Length && text[end + 1] != ':'))
            {
                throw call.Fail($"'{text}' is no address or range, with ports behind it as [address]:ports");
            }

            addresses = text[1..end];
            ports = end + 1 < text.Length ? text[(end + 2)..] : null;
        }
        else if (text.IndexOf(':', StringComparison.Ordinal) is var colon and >= 0 && text.IndexOf(':', colon + 1) < 0)
        {
            (addresses, ports) = (text[..colon], text[(colon + 1)..]);
        }

        if (ports is not null)
        {
            ParsePorts(call, ports);
        }

        if (addresses.Length == 0 && ports is not null)
        {
            return;
        }

        string[] ends = addresses.Split('-', 2);
        call.Info.Or32(_base, MapAddresses);
        call.Info.PutAddress(_base + 4, call.Host(ends[0]));
        call.Info.PutAddress(_base + 4 + AddressSize, call.Host(ends[^1]));
    }

    private void ParsePorts(OptionCall call, string text)
    {
        if (call.Protocol?.Number is not (6 or 17 or 132 or 33 or 1))
        {
            throw call.Fail("ports need -p tcp, udp, sctp or dccp before them");
        }

        string[] shifted = text.Split('/', 2);
        string[] ends = Numbers.TryParse(shifted[0], out _, out _) ? shifted[0].Split('-', 2) : [shifted[0]];
        ushort low = call.Port(ends[0]);
        ushort high = ends.Length == 2 ? Numeric(ends[1], 0) : low;
        if (high < low)
        {
            throw call.Fail($"the port range '{text}' runs backwards");
        }

        call.Info.Or32(_base, PortsGiven);
        call.Info.Put16Big(PortField, low);
        call.Info.Put16Big(PortField + 2, high);
        if (shifted.Length == 2)
        {
            if (layout != NatLayout.ShiftedRange)
            {
                throw call.Fail("shifted port ranges go with DNAT only");
            }

            call.Info.Or32(_base, Shifted);
            ushort start = call.Port(shifted[1]);
            call.Info.Put16Big(PortField + 4, start > 0 ? start : throw call.Fail("a range is shifted to port 1 or above"));
        }

        ushort Numeric(string port, ulong minimum) =>
            Numbers.TryWhole(port, ushort.MaxValue, out ulong value) && value >= minimum ? (ushort)value : throw call.Fail($"'{port}' is no port");
    }
}
