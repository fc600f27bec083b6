namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>
/// The units that limits of xtables count in: so many for each tick of the kernel's clock that a counter of 32 bits holds a day of them, or of 64 bits.
/// A tick is a 250th of a second, as Debian builds its kernels.
/// </summary>
internal static class RateCredits
{
    public const uint TicksPerSecond = 250;

    /// <summary>Of limit, ebtables' limit and the first hashlimit.</summary>
    public const uint PerTick = 128;

    /// <summary>Of later hashlimits.</summary>
    public const ulong PerTickOfLater = 1ul << 39;

    /// <summary>What user space says in ten-thousandths of a second, in credits (user2credits).</summary>
    public static uint Of(uint user)
    {
        const uint PerSecond = TicksPerSecond * PerTick, Scale = 10_000;
        return unchecked(user > uint.MaxValue / PerSecond ? user / Scale * PerSecond : user * PerSecond / Scale);
    }

    /// <summary>The counter can hold a burst of packets of this cost.</summary>
    public static bool Holds(uint average, uint burst) => burst != 0 && Of(unchecked(average * burst)) >= Of(average);
}
