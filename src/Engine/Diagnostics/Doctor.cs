using EucaNet.Engine.Configuration;
using EucaNet.Engine.Dhcp;
using EucaNet.Engine.Modes;
using EucaNet.Engine.Reconciliation;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Engine.Diagnostics;

/// <summary>The manual's troubleshooting chapter as one call. Reads the kernel and changes nothing.</summary>
public static class Doctor
{
    /// <summary>
    /// Examines a machine for a role and mode, whether an engine runs or not. A running engine knows more:
    /// <see cref="FrontEnd.ExamineAsync"/>, <see cref="Node.ExamineAsync"/>.
    /// </summary>
    /// <param name="kernel">The machine.</param>
    /// <param name="configuration">Its configuration.</param>
    /// <param name="launcher">Knows whether <c>VNET_DHCPDAEMON</c> can be run there; null leaves that out.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public static async ValueTask<IReadOnlyList<Finding>> ExamineAsync(IKernel kernel, NetworkConfiguration configuration, IDaemonLauncher? launcher = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(configuration);
        var context = new EngineContext(kernel, configuration, new EngineOptions { DaemonLauncher = launcher });
        var findings = new FindingList();
        await using var links = new Links(context);
        await new HostChecks(context, links, findings).RunAsync(cancellationToken).ConfigureAwait(false);
        return findings.ToList();
    }
}
