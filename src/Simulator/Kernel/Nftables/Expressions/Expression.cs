using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>Why an expression's references go (enum nft_trans_phase).</summary>
internal enum DeactivatePhase
{
    /// <summary>A later expression of the same rule was refused.</summary>
    Error,

    /// <summary>The rule was made in a batch that is aborted.</summary>
    Abort,

    /// <summary>The rule is deleted in the batch under way.</summary>
    Prepare,

    /// <summary>The deletion is committed.</summary>
    Commit,
}

/// <summary>One expression of a rule or element, as the kernel keeps it (struct nft_expr).</summary>
internal abstract class Expression
{
    /// <summary>NFTA_EXPR_NAME.</summary>
    public abstract string Name { get; }

    /// <summary>Its presence makes a commit walk the chains.</summary>
    public virtual bool NeedsValidation => false;

    /// <summary>Reads and checks the attributes, and takes references on what they name.</summary>
    public abstract LinuxError Init(NftContext context, ParsedAttributes table);

    /// <summary>Writes the attributes within NFTA_EXPR_DATA; with <paramref name="reset"/> state goes back to its beginning.</summary>
    public abstract void Dump(ref NetlinkWriter writer, bool reset);

    /// <summary>Works on a packet.</summary>
    public abstract void Evaluate(Evaluation evaluation);

    /// <summary>Takes references again that <see cref="DeactivatePhase.Prepare"/> dropped.</summary>
    public virtual void Activate(NftContext context)
    {
    }

    /// <summary>Drops references.</summary>
    public virtual void Deactivate(NftContext context, DeactivatePhase phase)
    {
    }

    /// <summary>Checks that it can work where its chain is reached from.</summary>
    public virtual LinuxError Validate(ChainValidation validation) => LinuxError.None;

    /// <summary>A copy for an element of a set, with its state at the beginning.</summary>
    public virtual Expression Clone() => (Expression)MemberwiseClone();

    /// <summary>Writes the expression with name and data under an attribute type.</summary>
    public void Write(ref NetlinkWriter writer, ushort type, bool reset)
    {
        WireMark mark = writer.BeginAttribute(type);
        NftMessage.WriteName(ref writer, NFTA_EXPR_NAME, Name);
        if (HasData)
        {
            WireMark data = writer.BeginAttribute(NFTA_EXPR_DATA);
            Dump(ref writer, reset);
            writer.EndAttribute(data);
        }

        writer.EndAttribute(mark);
    }

    /// <summary>False for the few without any attribute of their own.</summary>
    protected virtual bool HasData => true;
}

/// <summary>An expression with state that can stand in sets and elements: counter, limit, quota, last, connlimit.</summary>
internal abstract class StatefulExpression : Expression;
