using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Netfilter;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>The netlink side of connection tracking (nf_conntrack_netlink.c), over the datapath's table.</summary>
internal sealed class ConntrackSubsystem(SimulatedKernel kernel)
{
    /// <summary>Handles one message and returns its errno; EINTR says that a dump was begun.</summary>
    public LinuxError Handle(NetfilterMessage message) => kernel.Options.IsPrivileged ? LinuxError.EOPNOTSUPP : LinuxError.EPERM;

    /// <summary>Handles one message about expectations.</summary>
    public LinuxError HandleExpectation(NetfilterMessage message) => kernel.Options.IsPrivileged ? LinuxError.EOPNOTSUPP : LinuxError.EPERM;
}
