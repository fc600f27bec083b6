using EucaNet.Netfilter.Iptables.Names;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>TEE: a copy of the packet goes to another machine (struct xt_tee_tginfo).</summary>
internal sealed class TeeTarget : XtTarget
{
    public override string Name => "TEE";

    public override byte Revision => 1;

    public override int Size => 40;

    public override int UserSize => 32;

    public override IReadOnlyList<XtOption> Options { get; } = [new("gateway", 0, XtOptionUse.Argument | XtOptionUse.Mandatory), new("oif", 1)];

    public override void Parse(OptionCall call)
    {
        if (call.Id == 0)
        {
            call.Info.PutAddress(0, call.Host());
        }
        else
        {
            call.PutText(16, 16);
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        string interfaceName = info.Text(16, 16);
        writer.Write($" --gateway {Addresses.Text(info.Address(0, writer.Family))}").Write(interfaceName.Length > 0 ? $" --oif {interfaceName}" : "");
    }
}
