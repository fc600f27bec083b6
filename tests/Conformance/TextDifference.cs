using System.Text;

namespace EucaNet.Conformance;

/// <summary>The first lines in which two descriptions differ.</summary>
internal static class TextDifference
{
    private const int Shown = 6;

    /// <summary>Compares line by line; stops at the first line that is about something else.</summary>
    public static CheckResult Of(string expected, string actual)
    {
        if (expected == actual)
        {
            return CheckResult.Same;
        }

        string[] left = expected.Split('\n');
        string[] right = actual.Split('\n');
        var text = new StringBuilder();
        int shown = 0;
        for (int line = 0; line < Math.Max(left.Length, right.Length) && shown < Shown; line++)
        {
            string one = line < left.Length ? left[line] : "(nothing)";
            string other = line < right.Length ? right[line] : "(nothing)";
            if (one != other)
            {
                int common = Math.Max(0, one.AsSpan().CommonPrefixLength(other) - 24);
                string cut = common > 24 ? string.Concat(one.AsSpan(0, 16), "…") : "";
                common = cut.Length > 0 ? common : 0;
                text.AppendLine($"expected: {cut}{one[common..]}").AppendLine($"actual:   {cut}{other[common..]}");
                shown++;
                if (one.Split('=')[0] != other.Split('=')[0])
                {
                    break;
                }
            }
        }

        return new CheckResult(false, text.ToString());
    }
}
