using System.Buffers.Binary;

namespace EucaNet.Conformance;

/// <summary>Masks in messages of traffic control what is statistics, time, or a number of the kernel's own choice.</summary>
internal static class TrafficMask
{
    public static void Apply(ushort type, Span<byte> payload)
    {
        MaskHandle(payload[8..]);
        MaskHandle(payload[12..]);
        RouteTranscript.ForEach(payload[20..], (attribute, value) =>
        {
            switch (attribute)
            {
                case 3 or 4:
                    value.Clear();
                    break;
                case 7:
                    RouteTranscript.ForEach(value, static (_, part) => part.Clear());
                    break;
                case 2 when type is 36 or 37 && value.Length is 24 or 32 && value[0] == 24 && value[2] == 2:
                    // htb counts packets that found no class among its options.
                    value[20..24].Clear();
                    break;
                case 2 when type is 36 or 37 && value.Length == 120:
                    // The seed of netem's dice.
                    value[112..].Clear();
                    break;
                case 2 when type is 44 or 45:
                    MaskFilter(value);
                    break;
                default:
                    break;
            }
        });
    }

    // Handles from 8001: on are the next of the whole machine.
    private static void MaskHandle(Span<byte> handle)
    {
        uint value = BinaryPrimitives.ReadUInt32LittleEndian(handle);
        if (value is >= 0x80010000 and < 0xffff0000)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(handle, 0x80010000 | value & 0xffff);
        }
    }

    // The actions stand under another number in each kind; their times in the first attribute of their options.
    private static void MaskFilter(Span<byte> options) => RouteTranscript.ForEach(options, static (type, actions) =>
    {
        if (type is 2 or 3 or 7 && actions.Length > 24)
        {
            RouteTranscript.ForEach(actions, static (_, action) => RouteTranscript.ForEach(action, static (part, content) =>
            {
                if (part == 4)
                {
                    RouteTranscript.ForEach(content, static (_, counter) => counter.Clear());
                }
                else if (part == 2)
                {
                    RouteTranscript.ForEach(content, static (option, time) =>
                    {
                        if (option == 1)
                        {
                            time.Clear();
                        }
                    });
                }
            }));
        }
    });
}
