using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>hash: a number below a modulus from a register (jhash) or from the packet's flow, the same both ways (symhash).</summary>
internal sealed class HashExpression : Expression
{
    private int _source, _destination;
    private uint _length, _modulus, _offset, _type;
    private uint? _seed;

    public static ExpressionType Type { get; } = new(
        new AttributePolicy(
            NFTA_HASH_TYPE,
            (NFTA_HASH_SREG, AttributePolicy.U32),
            (NFTA_HASH_DREG, AttributePolicy.U32),
            (NFTA_HASH_LEN, AttributePolicy.U32ByteSized),
            (NFTA_HASH_MODULUS, AttributePolicy.U32),
            (NFTA_HASH_SEED, AttributePolicy.U32),
            (NFTA_HASH_OFFSET, AttributePolicy.U32),
            (NFTA_HASH_TYPE, AttributePolicy.U32)),
        (NftContext _, ParsedAttributes table, out Expression? expression) =>
        {
            uint type = table.Has(NFTA_HASH_TYPE) ? table[NFTA_HASH_TYPE].UInt32BigEndian : NFT_HASH_JENKINS;
            expression = type <= NFT_HASH_SYM ? new HashExpression { _type = type } : null;
            return expression is null ? LinuxError.EOPNOTSUPP : LinuxError.None;
        });

    /// <inheritdoc />
    public override string Name => "hash";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        bool needsSource = _type == NFT_HASH_JENKINS;
        if (!table.Has(NFTA_HASH_DREG) || !table.Has(NFTA_HASH_MODULUS) || needsSource && (!table.Has(NFTA_HASH_SREG) || !table.Has(NFTA_HASH_LEN)))
        {
            return LinuxError.EINVAL;
        }

        _offset = table.Has(NFTA_HASH_OFFSET) ? table[NFTA_HASH_OFFSET].UInt32BigEndian : 0;
        if (needsSource)
        {
            _length = table[NFTA_HASH_LEN].UInt32BigEndian;
            if (_length == 0)
            {
                return LinuxError.ERANGE;
            }

            LinuxError error = Registers.ParseLoad(context, table[NFTA_HASH_SREG], (int)_length, out _source);
            if (error != LinuxError.None)
            {
                return error;
            }
        }

        _modulus = table[NFTA_HASH_MODULUS].UInt32BigEndian;
        if (_modulus < 1)
        {
            return LinuxError.ERANGE;
        }

        if (unchecked(_offset + _modulus - 1) < _offset)
        {
            return LinuxError.EOVERFLOW;
        }

        if (needsSource && table.Has(NFTA_HASH_SEED))
        {
            _seed = table[NFTA_HASH_SEED].UInt32BigEndian;
        }

        return Registers.ParseStore(context, table[NFTA_HASH_DREG], 4, out _destination);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        if (_type == NFT_HASH_JENKINS)
        {
            NftMessage.WriteRegister(ref writer, NFTA_HASH_SREG, _source);
        }

        NftMessage.WriteRegister(ref writer, NFTA_HASH_DREG, _destination);
        if (_type == NFT_HASH_JENKINS)
        {
            writer.WriteUInt32BigEndian(NFTA_HASH_LEN, _length);
        }

        writer.WriteUInt32BigEndian(NFTA_HASH_MODULUS, _modulus);
        if (_seed is { } seed)
        {
            writer.WriteUInt32BigEndian(NFTA_HASH_SEED, seed);
        }

        if (_offset != 0)
        {
            writer.WriteUInt32BigEndian(NFTA_HASH_OFFSET, _offset);
        }

        writer.WriteUInt32BigEndian(NFTA_HASH_TYPE, _type);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        uint hash;
        if (_type == NFT_HASH_JENKINS)
        {
            hash = JenkinsHash.Compute(evaluation.Data(_source, (int)_length), _seed ?? 0);
        }
        else
        {
            // The kernel's flow hash has a random seed; what holds is that both directions of a flow give the same number.
            Span<byte> flow = stackalloc byte[40];
            if (ConnectionTuple.Read(evaluation.Packet.Network, evaluation.Family) is { } tuple)
            {
                UInt128 addresses = tuple.Source.Value ^ tuple.Destination.Value;
                System.Buffers.Binary.BinaryPrimitives.WriteUInt128LittleEndian(flow, addresses);
                flow[16] = (byte)(tuple.SourcePort ^ tuple.DestinationPort);
                flow[17] = (byte)((tuple.SourcePort ^ tuple.DestinationPort) >> 8);
            }

            hash = JenkinsHash.Compute(flow, 0);
        }

        evaluation.Store32(_destination, (uint)((ulong)hash * _modulus >> 32) + _offset);
    }
}
