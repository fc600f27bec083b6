using System.Buffers.Binary;
using System.Collections.Immutable;

namespace EucaNet.Netlink.Kernel;

/// <summary>One instruction of a classic BPF program, as the kernel takes it (struct sock_filter, linux/filter.h).</summary>
/// <param name="Code">The operation.</param>
/// <param name="JumpTrue">Instructions to pass over where a comparison holds.</param>
/// <param name="JumpFalse">Instructions to pass over where it does not.</param>
/// <param name="Value">The operand.</param>
public readonly record struct FilterInstruction(ushort Code, byte JumpTrue, byte JumpFalse, uint Value);

/// <summary>
/// Chooses in the kernel which frames a packet socket gets (SO_ATTACH_FILTER, socket(7)), so that a socket on a busy interface wakes nobody for
/// frames that are not meant. A program of classic BPF over the whole ethernet frame.
/// </summary>
public sealed class PacketFilter
{
    private const ushort LoadHalf = 0x28;
    private const ushort LoadByte = 0x30;
    private const ushort LoadHalfIndexed = 0x48;
    private const ushort LoadHeaderLength = 0xb1;
    private const ushort JumpEqual = 0x15;
    private const ushort JumpBits = 0x45;
    private const ushort Return = 0x06;

    private PacketFilter(ImmutableArray<FilterInstruction> program) => Program = program;

    /// <summary>The program.</summary>
    public ImmutableArray<FilterInstruction> Program { get; }

    /// <summary>Whole IPv4/UDP datagrams, or their first fragments, from a port; without VLAN tag.</summary>
    public static PacketFilter UdpFrom(ushort port) => Udp(14, port);

    /// <summary>Whole IPv4/UDP datagrams, or their first fragments, to a port; without VLAN tag.</summary>
    public static PacketFilter UdpTo(ushort port) => Udp(16, port);

    /// <summary>Runs the program as the kernel does; false for a frame that the socket does not get.</summary>
    public bool Accepts(ReadOnlySpan<byte> frame)
    {
        uint accumulator = 0;
        uint index = 0;
        for (int next = 0; next < Program.Length; next++)
        {
            FilterInstruction instruction = Program[next];
            long offset = instruction.Value + (instruction.Code == LoadHalfIndexed ? index : 0);
            switch (instruction.Code)
            {
                case LoadHalf or LoadHalfIndexed when offset + 2 <= frame.Length:
                    accumulator = BinaryPrimitives.ReadUInt16BigEndian(frame[(int)offset..]);
                    break;
                case LoadByte when offset < frame.Length:
                    accumulator = frame[(int)offset];
                    break;
                case LoadHeaderLength when offset < frame.Length:
                    index = (uint)(frame[(int)offset] & 15) * 4;
                    break;
                case JumpEqual:
                    next += accumulator == instruction.Value ? instruction.JumpTrue : instruction.JumpFalse;
                    break;
                case JumpBits:
                    next += (accumulator & instruction.Value) != 0 ? instruction.JumpTrue : instruction.JumpFalse;
                    break;
                case Return:
                    return instruction.Value != 0;
                default:
                    // A load beyond the frame's end refuses it.
                    return false;
            }
        }

        return false;
    }

    private static PacketFilter Udp(uint portOffset, ushort port) => new(
    [
        new(LoadHalf, 0, 0, 12),
        new(JumpEqual, 0, 8, 0x0800),
        new(LoadByte, 0, 0, 23),
        new(JumpEqual, 0, 6, 17),
        new(LoadHalf, 0, 0, 20),
        new(JumpBits, 4, 0, 0x1fff),
        new(LoadHeaderLength, 0, 0, 14),
        new(LoadHalfIndexed, 0, 0, portOffset),
        new(JumpEqual, 0, 1, port),
        new(Return, 0, 0, 0x40000),
        new(Return, 0, 0, 0),
    ]);
}
