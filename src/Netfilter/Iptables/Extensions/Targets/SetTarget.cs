namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>SET: adds the packet's addresses and ports to a set of the kernel, takes them out, or maps them to marks (struct xt_set_info_target_v3).</summary>
internal sealed class SetTarget : XtTarget
{
    private const int FlagsField = 12, TimeoutField = 16;
    private const uint Exist = 1, MapMark = 0x100;
    private const uint Add = 1, Delete = 2, Map = 0x10, MapFlags = 0xe0;
    private static readonly string[] MapWords = ["map-mark", "map-prio", "map-queue"];

    public override string Name => "SET";

    public override byte Revision => 3;

    public override int Size => 20;

    public override IReadOnlyList<XtOption> Options { get; } =
    [
        new("add-set", 0), new("del-set", 1), new("exist", 2, XtOptionUse.Multiple, 0, Add), new("timeout", 3, XtOptionUse.Argument | XtOptionUse.Multiple, 0, Add),
        new("map-set", 4), .. MapWords.Select((word, index) => new XtOption(word, 5 + index, XtOptionUse.Multiple, 0, Map)),
    ];

    public override void Initialize(Span<byte> info)
    {
        for (int reference = 0; reference < 3; reference++)
        {
            SetReference.Clear(info, reference * SetReference.Size);
        }

        info.Put32(TimeoutField, uint.MaxValue);
    }

    public override void Parse(OptionCall call)
    {
        switch (call.Id)
        {
            case 0 or 1:
                SetReference.Parse(call, call.Id * SetReference.Size);
                break;
            case 2:
                call.Info.Or32(FlagsField, Exist);
                break;
            case 3:
                call.Info.Put32(TimeoutField, call.UInt32(0, uint.MaxValue - 1));
                break;
            case 4:
                SetReference.Parse(call, 2 * SetReference.Size);
                break;
            default:
                call.Info.Or32(FlagsField, MapMark << (call.Id - 5));
                break;
        }
    }

    public override void Finish(FinishCall call)
    {
        if ((call.Given & (Add | Delete | Map)) == 0)
        {
            throw call.Fail("needs --add-set, --del-set or --map-set");
        }

        if ((call.Given & Map) != 0 && (call.Given & MapFlags) == 0)
        {
            throw call.Fail("--map-set needs --map-mark, --map-prio or --map-queue");
        }
    }

    public override void Print(ReadOnlySpan<byte> info, SaveWriter writer)
    {
        uint flags = info.UInt32(FlagsField), timeout = info.UInt32(TimeoutField);
        SetReference.Print(info, 0, "add-set", writer);
        writer.Write((flags & Exist) != 0 ? " --exist" : "").Write(timeout != uint.MaxValue ? $" --timeout {timeout}" : "");
        SetReference.Print(info, SetReference.Size, "del-set", writer);
        SetReference.Print(info, 2 * SetReference.Size, "map-set", writer);
        for (int index = 0; index < MapWords.Length; index++)
        {
            writer.Write((flags & (MapMark << index)) != 0 ? $" --{MapWords[index]}" : "");
        }
    }
}
