using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>
/// Register numbers as rules send them and as the kernel counts them: in words of four bytes, the verdict in the first four,
/// data from word 4 to 19.
/// </summary>
internal static class Registers
{
    public const int Verdict = 0;

    /// <summary>Words, the verdict's included.</summary>
    public const int Count = 20;

    private const int First = 4;

    /// <summary>Reads a register that data of <paramref name="length"/> bytes is loaded from.</summary>
    public static LinuxError ParseLoad(NftContext context, KernelAttribute attribute, int length, out int register)
    {
        LinuxError error = Parse(attribute, out register);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (register < First || length == 0)
        {
            return LinuxError.EINVAL;
        }

        if (register * 4 + length > Count * 4)
        {
            return LinuxError.ERANGE;
        }

        if (context.Profile.ChecksUnwrittenRegisters)
        {
            uint needed = MaskOf(register, length);
            if ((context.WrittenRegisters & needed) != needed)
            {
                return LinuxError.ENODATA;
            }
        }

        return LinuxError.None;
    }

    /// <summary>Reads a register that data of <paramref name="length"/> bytes is stored to.</summary>
    public static LinuxError ParseStore(NftContext context, KernelAttribute attribute, int length, out int register) =>
        ParseStore(context, attribute, length, null, isVerdict: false, out register);

    /// <summary>Reads a register that data or a verdict is stored to; a jump's chain must not lead to a loop.</summary>
    public static LinuxError ParseStore(NftContext context, KernelAttribute attribute, int length, Verdict? verdict, bool isVerdict, out int register)
    {
        LinuxError error = Parse(attribute, out register);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (register == Verdict)
        {
            if (!isVerdict)
            {
                return LinuxError.EINVAL;
            }

            return verdict is { IsJump: true, Chain: { } chain } && context.Profile.ValidatesJumpsAtOnce
                ? NftablesSubsystem.ValidateChain(new ChainValidation(context.Chain!), chain)
                : LinuxError.None;
        }

        if (isVerdict || register < First || length == 0)
        {
            return LinuxError.EINVAL;
        }

        if (register * 4 + length > Count * 4)
        {
            return LinuxError.ERANGE;
        }

        context.WrittenRegisters |= MaskOf(register, length);
        return LinuxError.None;
    }

    private static uint MaskOf(int register, int length) => ((1u << (length + 3) / 4) - 1) << register;

    private static LinuxError Parse(KernelAttribute attribute, out int register)
    {
        uint number = attribute.UInt32BigEndian;
        register = (int)(number * 4);
        if (number <= NFT_REG_4)
        {
            return LinuxError.None;
        }

        register = (int)(number - NFT_REG32_00) + First;
        return number is >= NFT_REG32_00 and <= NFT_REG32_15 ? LinuxError.None : LinuxError.ERANGE;
    }
}
