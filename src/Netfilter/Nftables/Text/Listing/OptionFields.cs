namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Finds the fields of options and extension headers that are parts of a byte.</summary>
internal static class OptionFields
{
    /// <summary>Narrows <paramref name="option"/> to the field that <paramref name="mask"/> cuts out.</summary>
    public static bool Trim(OptionNode option, ValueNode mask, out int shift)
    {
        int first = Math.Max(Values.FirstOne(mask.Value), 0);
        int end = Values.FirstZero(mask.Value, first + 1);
        int offset = option.Offset + (mask.Bits + 7) / 8 * 8 - end;
        (int oldOffset, int oldBits, DataType oldType, OptionHeader? oldHeader) = (option.Offset, option.Bits, option.Type, option.Header);
        shift = first;
        if (option.Field is not null && option.Kind != Expressions.ExtensionHeaderKind.Ip6)
        {
            return false;
        }

        if (option.Locate(offset, end - first))
        {
            return true;
        }

        // What nft has looked for and not found it does not call by the old name again: of an extension header no field is left.
        option.Locate(oldOffset, oldBits);
        if (option.Kind == Expressions.ExtensionHeaderKind.Ip6)
        {
            (option.Field, option.Type, option.Header, option.IsPresence) = (null, oldType, oldHeader, false);
        }

        return false;
    }
}
