using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>A verdict: what becomes of the packet, and for jumps where to go on.</summary>
internal readonly record struct Verdict(int Code, Chain? Chain = null)
{
    public bool IsJump => Code is NFT_JUMP or NFT_GOTO;

    public override string ToString() => Code switch
    {
        NF_DROP => "drop",
        NF_ACCEPT => "accept",
        NF_STOLEN => "stolen",
        NF_REPEAT => "repeat",
        NFT_CONTINUE => "continue",
        NFT_BREAK => "break",
        NFT_JUMP => $"jump {Chain?.Name}",
        NFT_GOTO => $"goto {Chain?.Name}",
        NFT_RETURN => "return",
        _ => (Code & 0xff) == NF_QUEUE ? "queue" : $"verdict {Code}",
    };
}

/// <summary>What a register, an element or an immediate holds: bytes or a verdict (struct nft_data).</summary>
internal readonly struct RegisterData(byte[] value, Verdict? verdict = null)
{
    /// <summary>Bytes that a constant within an expression has room for (sizeof(struct nft_data)); elements of sets have more.</summary>
    public const int ConstantSize = 16;

    private static readonly AttributePolicy Policy = new(2, (NFTA_DATA_VALUE, AttributePolicy.Data), (NFTA_DATA_VERDICT, AttributePolicy.Nested));

    private static readonly AttributePolicy VerdictPolicy = new(
        3, (NFTA_VERDICT_CODE, AttributePolicy.U32), (NFTA_VERDICT_CHAIN, AttributePolicy.ObjectName), (NFTA_VERDICT_CHAIN_ID, AttributePolicy.U32));

    public byte[] Value { get; } = value;

    public Verdict? Verdict { get; } = verdict;

    /// <summary>Reads a value of at most <paramref name="size"/> bytes, or of exactly <paramref name="length"/> where that is not 0.</summary>
    public static LinuxError ParseValue(KernelAttribute attribute, int size, int length, out byte[] value)
    {
        value = [];
        LinuxError error = Parse(null, attribute, isVerdict: false, size, length, isElement: false, out RegisterData data);
        value = data.Value;
        return error;
    }

    /// <summary>Reads a value or verdict; the latter looks its chain up but takes no reference.</summary>
    public static LinuxError Parse(NftContext? context, KernelAttribute attribute, bool isVerdict, int size, int length, bool isElement, out RegisterData data)
    {
        data = new RegisterData([]);
        LinuxError error = attribute.Parse(Policy, out ParsedAttributes table);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (table[NFTA_DATA_VALUE] is { Exists: true } value)
        {
            if (isVerdict || value.Length == 0)
            {
                return LinuxError.EINVAL;
            }

            if (value.Length > size)
            {
                return LinuxError.EOVERFLOW;
            }

            if (length != 0 && value.Length != length)
            {
                return LinuxError.EINVAL;
            }

            data = new RegisterData(value.Value.ToArray());
            return LinuxError.None;
        }

        if (table[NFTA_DATA_VERDICT] is { Exists: true } verdict && context is not null)
        {
            return isVerdict ? ParseVerdict(context, verdict, isElement, out data) : LinuxError.EINVAL;
        }

        return LinuxError.EINVAL;
    }

    private static LinuxError ParseVerdict(NftContext context, KernelAttribute attribute, bool isElement, out RegisterData data)
    {
        data = new RegisterData([]);
        LinuxError error = attribute.Parse(VerdictPolicy, out ParsedAttributes table);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (!table.Has(NFTA_VERDICT_CODE))
        {
            return LinuxError.EINVAL;
        }

        int code = table[NFTA_VERDICT_CODE].Int32BigEndian;
        switch (code)
        {
            case NF_QUEUE when context.Profile.RefusesQueueVerdicts:
                return LinuxError.EINVAL;
            case NF_ACCEPT or NF_DROP or NF_QUEUE or NFT_CONTINUE or NFT_BREAK or NFT_RETURN:
                data = new RegisterData([], new Verdict(code));
                return LinuxError.None;
            case NFT_JUMP or NFT_GOTO:
                Chain? chain;
                if (table[NFTA_VERDICT_CHAIN] is { Exists: true } name)
                {
                    chain = context.Table!.Chains.Find(name.Name);
                }
                else if (table[NFTA_VERDICT_CHAIN_ID] is { Exists: true } id)
                {
                    chain = context.Subsystem.FindChainById(context.Table!, id.UInt32BigEndian);
                }
                else
                {
                    return LinuxError.EINVAL;
                }

                if (chain is null)
                {
                    return LinuxError.ENOENT;
                }

                if (chain.Base is not null)
                {
                    return LinuxError.EOPNOTSUPP;
                }

                if (chain.IsBound || isElement && chain.IsBinding)
                {
                    return LinuxError.EINVAL;
                }

                data = new RegisterData([], new Verdict(code, chain));
                return LinuxError.None;
            default:
                return LinuxError.EINVAL;
        }
    }

    public bool SameAs(RegisterData other) => Verdict == other.Verdict && Value.AsSpan().SequenceEqual(other.Value);
}
