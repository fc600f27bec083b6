namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>A word of a rule and where it stands.</summary>
internal sealed record Token(string Text, int Column, bool Quoted = false);
