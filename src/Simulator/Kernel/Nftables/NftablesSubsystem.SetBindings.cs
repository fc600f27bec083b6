using System.Globalization;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using EucaNet.Simulator.Kernel.Nftables.Sets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>Sets and the rules that use them: who holds what, and what goes with whom.</summary>
internal sealed partial class NftablesSubsystem
{
    /// <summary>Takes or drops the references that a map's elements have on chains and objects.</summary>
    public static void HoldElementData(Set set, bool hold)
    {
        foreach (SetElement element in set.Store.Elements)
        {
            HoldElement(element, hold);
        }

        if (set.CatchAll is { } any)
        {
            HoldElement(any, hold);
        }
    }

    private static void HoldElement(SetElement element, bool hold)
    {
        uint change = hold ? 1 : uint.MaxValue;
        if (element.Data?.Verdict?.Chain is { } chain)
        {
            chain.Use = unchecked(chain.Use + change);
        }

        if (element.Object is { } obj)
        {
            obj.Use = unchecked(obj.Use + change);
        }
    }

    /// <summary>Lets a rule look in a set.</summary>
#pragma warning disable CA1822 // called through the object, as its siblings are
    public LinuxError Bind(NftContext context, Set set, SetBinding binding)
    {
        if (set.Bindings.Count > 0 && set.IsAnonymous)
        {
            return LinuxError.EBUSY;
        }

        if ((binding.Flags & NFT_SET_MAP) != 0 && !set.Bindings.Exists(other => (other.Flags & NFT_SET_MAP) != 0 && other.Chain == context.Chain))
        {
            foreach (SetElement element in set.CatchAll is { } any ? set.Store.Elements.Append(any) : set.Store.Elements)
            {
                if (element.Data?.Verdict is { IsJump: true, Chain: { } chain })
                {
                    LinuxError error = ValidateChain(new ChainValidation(context.Chain!), chain);
                    if (error != LinuxError.None)
                    {
                        return error;
                    }
                }
            }
        }

        set.Bindings.Add(binding);
        set.Use++;
        return LinuxError.None;
    }
#pragma warning restore CA1822

    /// <summary>A rule that looks in a set goes, or may go.</summary>
    public void DeactivateSet(NftContext context, Set set, SetBinding binding, DeactivatePhase phase)
    {
        switch (phase)
        {
            case DeactivatePhase.Error or DeactivatePhase.Abort:
                set.Bindings.Remove(binding);
                set.Use--;
                break;
            case DeactivatePhase.Prepare:
                if (set.IsAnonymous)
                {
                    HoldElementData(set, false);
                    set.Table.Sets.Hide(set);
                }

                set.Use--;
                break;
            default:
                set.Bindings.Remove(binding);
                if (set.IsAnonymous && set.Bindings.Count == 0)
                {
                    set.Table.Sets.Remove(set);
                    NotifySet(context, set, NFT_MSG_DELSET);
                }

                break;
        }
    }

    /// <summary>Takes back what <see cref="DeactivatePhase.Prepare"/> did.</summary>
    public static void ActivateSet(Set set)
    {
        if (set.IsAnonymous)
        {
            set.Table.Sets.Restore(set);
            HoldElementData(set, true);
        }

        set.Use++;
    }
}
