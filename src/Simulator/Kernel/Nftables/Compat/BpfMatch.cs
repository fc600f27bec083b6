using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Hooks;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>bpf: a program of the classic packet filter (Documentation/networking/filter.rst) that runs over the packet from its network header on.</summary>
internal static class BpfMatch
{
    private const int InstructionSize = 8, MostInstructions = 64, Words = 16;
    private const uint Ancillary = 0xfffff000, NetworkBase = 0xfff00000, LinkBase = 0xffe00000;

    /// <summary>The program is in the rule; one that the kernel was given by a descriptor or a path is not judged here.</summary>
    public static bool IsModelled(Extension extension, ReadOnlySpan<byte> data) => extension.Revision == 0 || BinaryPrimitives.ReadUInt16LittleEndian(data) == 0;

    public static bool Matches(Extension extension, ReadOnlySpan<byte> data, HookContext context)
    {
        int count = BinaryPrimitives.ReadUInt16LittleEndian(data[(extension.Revision == 0 ? 0 : 2)..]);
        ReadOnlySpan<byte> program = data[(extension.Revision == 0 ? 4 : 8)..];
        return Run(program[..(Math.Min(count, MostInstructions) * InstructionSize)], context) != 0;
    }

    /// <summary>The kernel takes the program (bpf_check_classic): known instructions, jumps that stay inside, memory written before it is read, a return at the end.</summary>
    public static bool IsValid(Extension extension, ReadOnlySpan<byte> data)
    {
        int count = BinaryPrimitives.ReadUInt16LittleEndian(data[(extension.Revision == 0 ? 0 : 2)..]);
        if (count is 0 or > MostInstructions)
        {
            return false;
        }

        ReadOnlySpan<byte> program = data.Slice(extension.Revision == 0 ? 4 : 8, count * InstructionSize);
        for (int number = 0; number < count; number++)
        {
            if (!IsValid(program[(number * InstructionSize)..], count - number - 1))
            {
                return false;
            }
        }

        return BinaryPrimitives.ReadUInt16LittleEndian(program[^InstructionSize..]) is 0x06 or 0x16 && WritesBeforeItReads(program);
    }

    private static bool IsValid(ReadOnlySpan<byte> instruction, int behind)
    {
        ushort code = BinaryPrimitives.ReadUInt16LittleEndian(instruction);
        uint k = BinaryPrimitives.ReadUInt32LittleEndian(instruction[4..]);
        switch (code & 7)
        {
            case 0:
                return code is 0x00 or 0x80 or 0x40 or 0x48 or 0x50
                    || (code == 0x60 && k < Words)
                    || (code is 0x20 or 0x28 or 0x30 && (k < Ancillary || k - Ancillary is var what && what % 4 == 0 && what <= 60));
            case 1:
                return code is 0x01 or 0x81 or 0xb1 || (code == 0x61 && k < Words);
            case 2 or 3:
                return code is 2 or 3 && k < Words;
            case 4:
                return code == 0x84 || (code <= 0xff && (code & 0xf0) <= 0xa0 && (code & 0xf0) != 0x80
                    && ((code & 8) != 0 || (code & 0xf0) switch { 0x30 or 0x90 => k != 0, 0x60 or 0x70 => k < 32, _ => true }));
            case 5:
                return code == 0x05 ? k < behind
                    : code is 0x15 or 0x1d or 0x25 or 0x2d or 0x35 or 0x3d or 0x45 or 0x4d && instruction[2] < behind && instruction[3] < behind;
            case 6:
                return code is 0x06 or 0x16;
            default:
                return code is 0x07 or 0x87;
        }
    }

    /// <summary>On every way to it, a word of memory is written before it is read.</summary>
    private static bool WritesBeforeItReads(ReadOnlySpan<byte> program)
    {
        Span<ushort> known = stackalloc ushort[MostInstructions + 1];
        known.Fill(ushort.MaxValue);
        ushort written = 0;
        for (int number = 0; number * InstructionSize < program.Length; number++)
        {
            ReadOnlySpan<byte> instruction = program[(number * InstructionSize)..];
            ushort code = BinaryPrimitives.ReadUInt16LittleEndian(instruction);
            int k = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(instruction[4..]), MostInstructions);
            written &= known[number];
            switch (code)
            {
                case 0x02 or 0x03:
                    written |= (ushort)(1 << k);
                    break;
                case 0x60 or 0x61 when (written & 1 << k) == 0:
                    return false;
                case 0x05:
                    known[number + 1 + k] &= written;
                    written = ushort.MaxValue;
                    break;
                case 0x15 or 0x1d or 0x25 or 0x2d or 0x35 or 0x3d or 0x45 or 0x4d:
                    known[number + 1 + instruction[2]] &= written;
                    known[number + 1 + instruction[3]] &= written;
                    written = ushort.MaxValue;
                    break;
            }
        }

        return true;
    }

    private static uint Run(ReadOnlySpan<byte> program, HookContext context)
    {
        uint a = 0, x = 0;
        Span<uint> memory = stackalloc uint[Words];
        memory.Clear();
        for (int at = 0; at < program.Length; at += InstructionSize)
        {
            ReadOnlySpan<byte> instruction = program[at..];
            ushort code = BinaryPrimitives.ReadUInt16LittleEndian(instruction);
            uint k = BinaryPrimitives.ReadUInt32LittleEndian(instruction[4..]);
            switch (code & 7)
            {
                case 0: // load into a
                    if (!Load(code, k, x, memory, context, ref a))
                    {
                        return 0;
                    }

                    break;
                case 1: // load into x
                    switch (code & 0xe0)
                    {
                        case 0x60:
                            x = memory[(int)(k % Words)];
                            break;
                        case 0x80:
                            x = (uint)context.Packet.NetworkLength;
                            break;
                        case 0xa0:
                            if (!Fetch(context.Packet, k, 1, out uint octet))
                            {
                                return 0;
                            }

                            x = (octet & 0xf) << 2;
                            break;
                        default:
                            x = k;
                            break;
                    }

                    break;
                case 2:
                    memory[(int)(k % Words)] = a;
                    break;
                case 3:
                    memory[(int)(k % Words)] = x;
                    break;
                case 4:
                    uint operand = (code & 8) != 0 ? x : k;
                    if ((code & 0xf0) is 0x30 or 0x90 && operand == 0)
                    {
                        return 0;
                    }

                    a = Compute(code & 0xf0, a, operand);
                    break;
                case 5:
                    uint other = (code & 8) != 0 ? x : k;
                    long steps = (code & 0xf0) switch
                    {
                        0 => k,
                        0x10 => instruction[a == other ? 2 : 3],
                        0x20 => instruction[a > other ? 2 : 3],
                        0x30 => instruction[a >= other ? 2 : 3],
                        _ => instruction[(a & other) != 0 ? 2 : 3],
                    };
                    at = (int)Math.Min(at + steps * InstructionSize, program.Length);
                    break;
                case 6:
                    return (code & 0x18) == 0x10 ? a : k;
                default:
                    (a, x) = (code & 0xf8) == 0x80 ? (x, x) : (a, a);
                    break;
            }
        }

        return 0;
    }

    private static bool Load(ushort code, uint k, uint x, ReadOnlySpan<uint> memory, HookContext context, ref uint a)
    {
        switch (code & 0xe0)
        {
            case 0x00:
                a = k;
                return true;
            case 0x60:
                a = memory[(int)(k % Words)];
                return true;
            case 0x80:
                a = (uint)context.Packet.NetworkLength;
                return true;
            case 0x20 when k >= Ancillary:
                return Tell(k - Ancillary, context, ref a);
            default:
                int size = (code & 0x18) switch { 0 => 4, 8 => 2, _ => 1 };
                return Fetch(context.Packet, (code & 0xe0) == 0x40 ? k + x : k, size, out a);
        }
    }

    /// <summary>What the kernel knows of the packet (SKF_AD_*).</summary>
    private static bool Tell(uint what, HookContext context, ref uint a)
    {
        Packet packet = context.Packet;
        (bool known, a) = what switch
        {
            0 => (true, packet.Protocol),
            4 => (true, (uint)packet.Type),
            8 => (true, (uint)((context.Output ?? context.Input)?.Index ?? 0)),
            20 => (true, packet.Mark),
            _ => (false, 0u),
        };
        if (!known)
        {
            packet.Tell(StoryKind.Decision, TraceLevel.Summary, context.Stack.HostName, $"match 'bpf' asks for something of the packet ({what}) that the simulated kernel does not know; it is taken not to hold");
        }

        return known;
    }

    private static bool Fetch(Packet packet, uint offset, int size, out uint value)
    {
        ReadOnlySpan<byte> from = offset >= Ancillary ? default : offset >= NetworkBase ? packet.Network : offset >= LinkBase ? packet.LinkHeader : packet.Network;
        long at = offset >= NetworkBase ? offset - NetworkBase : offset >= LinkBase ? offset - LinkBase : offset;
        value = 0;
        if (at + size > from.Length)
        {
            return false;
        }

        ReadOnlySpan<byte> bytes = from[(int)at..];
        value = size switch { 4 => BinaryPrimitives.ReadUInt32BigEndian(bytes), 2 => BinaryPrimitives.ReadUInt16BigEndian(bytes), _ => bytes[0] };
        return true;
    }

    private static uint Compute(int operation, uint a, uint operand) => operation switch
    {
        0x00 => a + operand,
        0x10 => a - operand,
        0x20 => a * operand,
        0x30 => a / operand,
        0x40 => a | operand,
        0x50 => a & operand,
        0x60 => operand > 31 ? 0 : a << (int)operand,
        0x70 => operand > 31 ? 0 : a >> (int)operand,
        0x80 => 0u - a,
        0x90 => a % operand,
        _ => a ^ operand,
    };
}
