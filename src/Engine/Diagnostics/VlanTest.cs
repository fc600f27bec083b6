using System.Globalization;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;
using EucaNet.Engine.Reconciliation;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Diagnostics;

/// <summary>
/// The manual's test whether the local network forwards VLAN tagged frames: a VLAN device with an address on each of two machines, and a probe
/// between them. Everything is put back, also when the test is cut short; what a killed test leaves carries our mark and is removed at the next start.
/// </summary>
public static class VlanTest
{
    /// <summary>Runs the test on this machine; the peer runs it with the two addresses the other way round.</summary>
    /// <param name="kernel">The machine.</param>
    /// <param name="interfaceName">The interface on the local ethernet.</param>
    /// <param name="vlan">The VLAN, 10 in the manual.</param>
    /// <param name="own">This machine's address for the test.</param>
    /// <param name="peer">The other machine's address for the test.</param>
    /// <param name="patience">How long to wait for the peer.</param>
    /// <param name="cancellationToken">Ends the test early; everything is put back all the same.</param>
    /// <exception cref="EngineException">The device or address could not be made.</exception>
    public static async ValueTask<Finding> RunAsync(IKernel kernel, string interfaceName, int vlan, Ipv4Address own, Ipv4Address peer, TimeSpan patience, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentOutOfRangeException.ThrowIfLessThan(vlan, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(vlan, 4094);
        var context = new EngineContext(kernel, new NetworkConfiguration { Role = EngineRole.FrontEnd, Mode = NetworkMode.Managed }, new EngineOptions());
        var changes = new ChangeLog();
        await using var links = new Links(context);
        LinkView parent = await links.RequireAsync(interfaceName, "the interface given", cancellationToken).ConfigureAwait(false);
        string name = string.Create(CultureInfo.InvariantCulture, $"{interfaceName}.{vlan}");
        bool existed = await links.FindAsync(name, cancellationToken).ConfigureAwait(false) is not null;
        LinkView? link = null;
        bool addressed = false;
        try
        {
            link = await links.EnsureVlanAsync(name, parent, vlan, "VLAN test", changes, cancellationToken).ConfigureAwait(false);
            addressed = await links.EnsureAddressAsync(link, own, 24, null, changes, cancellationToken).ConfigureAwait(false);
            if (!link.IsUp)
            {
                await links.SetUpAsync(link, changes, cancellationToken).ConfigureAwait(false);
            }

            MacAddress? answer = await ArpProbe.AskAsync(kernel, link.Index, own, peer, patience, cancellationToken).ConfigureAwait(false);
            return answer is { } mac
                ? new Finding { Level = FindingLevel.Good, Check = "vlan", Subject = name, Observation = $"{peer} answers from {mac}: tagged frames pass both ways" }
                : new Finding
                {
                    Level = FindingLevel.Error,
                    Check = "vlan",
                    Subject = name,
                    Observation = string.Create(CultureInfo.InvariantCulture, $"{peer} did not answer within {patience.TotalSeconds:0} s"),
                    Remedy = "run the test on the peer at the same time; if it runs there, the switch needs to be configured to forward VLAN tagged packets (see its documentation)",
                };
        }
        finally
        {
            if (link is not null && !existed)
            {
                await links.DeleteAsync(link, changes, CancellationToken.None).ConfigureAwait(false);
            }
            else if (link is not null && addressed)
            {
                await links.RemoveAddressAsync(link, own, 24, changes, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }
}
