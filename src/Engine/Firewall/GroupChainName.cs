using System.Security.Cryptography;
using System.Text;

namespace EucaNet.Engine.Firewall;

/// <summary>
/// The name of a group's chain in iptables: <c>user-group</c> as the manual has it. Names that are too long, hold letters that iptables doesn't take, or could be
/// read as another group's (a dash in the user's name) are cut and get a hash of the full name, so that no two groups share a chain.
/// </summary>
internal static class GroupChainName
{
    private const int Longest = 28;
    private static readonly string[] Reserved = ["ACCEPT", "DROP", "RETURN", "QUEUE", "REJECT", "LOG", "INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING"];

    public static string Of(GroupName group)
    {
        string plain = group.ToString();
        bool usable = Encoding.UTF8.GetByteCount(plain) <= Longest
            && plain.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '+' or '/' or '=' or '@')
            && char.IsAsciiLetterOrDigit(plain[0])
            && !group.User.Contains('-', StringComparison.Ordinal)
            && !plain.StartsWith("euca-", StringComparison.Ordinal)
            && !Reserved.Contains(plain);
        if (usable)
        {
            return plain;
        }

        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{group.User}\0{group.Group}"));
        var readable = new StringBuilder();
        foreach (char c in plain)
        {
            if (readable.Length < 18 && (char.IsAsciiLetterOrDigit(c) || c == '_'))
            {
                readable.Append(c);
            }
        }

        // A dot stands in no plain name's user part before the dash, so a cut name equals no plain one.
        return $"{readable}.{Convert.ToHexStringLower(hash.AsSpan(0, 4))}-";
    }
}
