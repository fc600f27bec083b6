using EucaNet.Engine.Configuration;
using EucaNet.Engine.Discovery;
using EucaNet.Engine.Modes;
using EucaNet.Engine.Reconciliation;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Diagnostics;

/// <summary>
/// The manual's test of a public address: is it free, and can this machine be given it? It is probed first (somebody else may answer for it),
/// put on the interface and announced while <c>ping</c> from outside is tried, and taken off again.
/// </summary>
public static class PublicAddressTest
{
    /// <summary>Runs the test.</summary>
    /// <param name="kernel">The machine.</param>
    /// <param name="interfaceName">The public interface.</param>
    /// <param name="address">The address.</param>
    /// <param name="hold">How long the address stays, so that somebody outside can ping it.</param>
    /// <param name="cancellationToken">Ends the test early; everything is put back all the same.</param>
    public static async ValueTask<Finding> RunAsync(IKernel kernel, string interfaceName, Ipv4Address address, TimeSpan hold, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        var context = new EngineContext(kernel, new NetworkConfiguration { Role = EngineRole.FrontEnd, Mode = NetworkMode.Managed }, new EngineOptions());
        var changes = new ChangeLog();
        await using var links = new Links(context);
        LinkView link = await links.RequireAsync(interfaceName, "the interface given", cancellationToken).ConfigureAwait(false);
        Finding Result(FindingLevel level, string observation, string? remedy = null) => new() { Level = level, Check = "address", Subject = address.ToString(), Observation = observation, Remedy = remedy };

        foreach ((Ipv4Address present, int _) in await links.AddressesAsync(link, cancellationToken).ConfigureAwait(false))
        {
            if (present == address)
            {
                return Result(FindingLevel.Notice, $"it is on {interfaceName} already; an instance may have it", "run 'address list'; test an address that is not associated");
            }
        }

        MacAddress? other = await ArpProbe.AskAsync(kernel, link.Index, Ipv4Address.Unknown, address, TimeSpan.FromSeconds(3), cancellationToken).ConfigureAwait(false);
        if (other is { } mac)
        {
            return Result(FindingLevel.Error, $"the machine with MAC {mac} answers for it", "leave it out of VNET_PUBLICIPS, or free it there");
        }

        await links.EnsureAddressAsync(link, address, 32, null, changes, cancellationToken).ConfigureAwait(false);
        try
        {
            _ = Announcement.Send(context, link, address, context.Logger<Links>());
            if (hold > TimeSpan.Zero)
            {
                await Task.Delay(hold, kernel.Time, cancellationToken).ConfigureAwait(false);
            }

            return Result(FindingLevel.Good, $"nobody else answers for it, and {interfaceName} took it");
        }
        finally
        {
            await links.RemoveAddressAsync(link, address, 32, changes, CancellationToken.None).ConfigureAwait(false);
        }
    }
}
