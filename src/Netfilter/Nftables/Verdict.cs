using System.Globalization;

namespace EucaNet.Netfilter.Nftables;

/// <summary>What a rule, a policy or a map's element decides (<c>NFTA_VERDICT_*</c>).</summary>
/// <param name="Code">NF_ACCEPT, NF_DROP or one of the NFT_* codes.</param>
/// <param name="Chain">The chain that jump and goto lead to.</param>
/// <param name="ChainId">The chain by the id it has within its batch, where it has no name.</param>
public sealed record Verdict(int Code, string? Chain = null, uint? ChainId = null)
{
    /// <summary>The packet goes on to the next hook.</summary>
    public static Verdict Accept { get; } = new(Nfnetlink.NF_ACCEPT);

    /// <summary>The packet is gone.</summary>
    public static Verdict Drop { get; } = new(Nfnetlink.NF_DROP);

    /// <summary>The next rule.</summary>
    public static Verdict Continue { get; } = new(NfTables.NFT_CONTINUE);

    /// <summary>This rule does not match.</summary>
    public static Verdict Break { get; } = new(NfTables.NFT_BREAK);

    /// <summary>Back to the chain that jumped here, or the policy.</summary>
    public static Verdict Return { get; } = new(NfTables.NFT_RETURN);

    /// <summary>On with the first rule of <paramref name="chain"/>, and back here at its end.</summary>
    public static Verdict Jump(string chain) => new(NfTables.NFT_JUMP, chain);

    /// <summary>On with the first rule of <paramref name="chain"/>, for good.</summary>
    public static Verdict Goto(string chain) => new(NfTables.NFT_GOTO, chain);

    /// <summary>As nft writes it.</summary>
    public override string ToString() => Code switch
    {
        Nfnetlink.NF_ACCEPT => "accept",
        Nfnetlink.NF_DROP => "drop",
        NfTables.NFT_CONTINUE => "continue",
        NfTables.NFT_BREAK => "break",
        NfTables.NFT_RETURN => "return",
        NfTables.NFT_JUMP => "jump " + (Chain ?? "#" + ChainId?.ToString(CultureInfo.InvariantCulture)),
        NfTables.NFT_GOTO => "goto " + (Chain ?? "#" + ChainId?.ToString(CultureInfo.InvariantCulture)),
        Nfnetlink.NF_STOLEN => "stolen",
        Nfnetlink.NF_QUEUE => "queue",
        Nfnetlink.NF_REPEAT => "repeat",
        _ => "verdict " + Code.ToString(CultureInfo.InvariantCulture),
    };
}
