namespace EucaNet.Engine;

/// <summary>An address that somebody else's DHCP server gave an instance, as its node saw it go by.</summary>
public sealed record AddressReport
{
    /// <summary>The instance.</summary>
    public required string InstanceId { get; init; }

    /// <summary>The address; 0.0.0.0 when it has lost the one it had.</summary>
    public required Ipv4Address Address { get; init; }

    /// <summary>The server that gave it; 0.0.0.0 when it does not say.</summary>
    public Ipv4Address Server { get; init; }

    /// <summary>How long it may be trusted without a new report.</summary>
    public TimeSpan LeaseTime { get; init; }
}

/// <summary>
/// Carries what nodes see of instances' addresses to the front-end, which in SYSTEM mode has its own neighbour table only: the cloud's own messaging, or
/// the <see cref="FrontEnd"/> itself where it is in the same process.
/// </summary>
public interface IAddressReports
{
    /// <summary>A node saw an instance get an address.</summary>
    ValueTask ReportAddressAsync(AddressReport report, CancellationToken cancellationToken = default);
}
