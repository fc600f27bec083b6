using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Kernel.Ipset;

/// <summary>The errors of ipset's own, above those of errno (enum ipset_errno).</summary>
internal static class IpSetError
{
    public const LinuxError Protocol = (LinuxError)4097, NoType = (LinuxError)4098, Busy = (LinuxError)4100, SecondName = (LinuxError)4101,
        TypeMismatch = (LinuxError)4102, Exists = (LinuxError)4103, BadPrefix = (LinuxError)4104, BadNetmask = (LinuxError)4105, BadFamily = (LinuxError)4106,
        NoTimeout = (LinuxError)4107, Referenced = (LinuxError)4108, NotIpv4 = (LinuxError)4109, NotIpv6 = (LinuxError)4110,
        NoCounters = (LinuxError)4111, NoComments = (LinuxError)4112;

    // Each storage has a series of its own.
    public const LinuxError HashFull = (LinuxError)4352, BadProtocol = (LinuxError)4354, NoProtocol = (LinuxError)4355, RangeTooLarge = (LinuxError)4357,
        OutsideBitmap = (LinuxError)4352, BitmapTooLarge = (LinuxError)4353,
        NoSuchMember = (LinuxError)4352, Loop = (LinuxError)4353, ListFull = (LinuxError)4356;
}
