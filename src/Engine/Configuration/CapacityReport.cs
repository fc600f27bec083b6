using System.Globalization;

namespace EucaNet.Engine.Configuration;

/// <summary>How much a configuration has room for.</summary>
public sealed record CapacityReport
{
    /// <summary>The mode.</summary>
    public required NetworkMode Mode { get; init; }

    /// <summary>Networks (security groups with running instances) the subnet can be split into: 65536 / 64 = 1024 in the manual's example. 0 outside MANAGED mode.</summary>
    public long Networks { get; init; }

    /// <summary>VLANs there are for them: 10 to 4094. 0 outside MANAGED mode.</summary>
    public int Vlans { get; init; }

    /// <summary>Networks that can be active at once: the lower of the two.</summary>
    public int ActiveNetworks { get; init; }

    /// <summary>Instances in one network: the addresses less network, router and broadcast.</summary>
    public int InstancesPerNetwork { get; init; }

    /// <summary>Instances in all; null where somebody else's DHCP server decides.</summary>
    public long? Instances { get; init; }

    /// <summary>Public addresses in the pool.</summary>
    public int PublicAddresses { get; init; }

    /// <summary>The report for a configuration.</summary>
    public static CapacityReport For(NetworkConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        switch (configuration.Mode)
        {
            case NetworkMode.Managed when configuration.AddressesPerNetwork > 0:
                long networks = configuration.Subnet.Count / configuration.AddressesPerNetwork;
                int vlans = Allocation.NetworkAllocator.HighestVlan - Allocation.NetworkAllocator.LowestVlan + 1;
                int active = (int)Math.Min(networks, vlans);
                return new CapacityReport
                {
                    Mode = configuration.Mode,
                    Networks = networks,
                    Vlans = vlans,
                    ActiveNetworks = active,
                    InstancesPerNetwork = configuration.AddressesPerNetwork - 3,
                    Instances = (long)active * (configuration.AddressesPerNetwork - 3),
                    PublicAddresses = configuration.PublicAddresses.Count,
                };
            case NetworkMode.Static:
                return new CapacityReport { Mode = configuration.Mode, Instances = configuration.MacMap.Count };
            default:
                return new CapacityReport { Mode = configuration.Mode };
        }
    }

    /// <summary>The report in a few lines.</summary>
    public override string ToString() => Mode switch
    {
        NetworkMode.Managed => string.Create(CultureInfo.InvariantCulture, $"""
            networks in the subnet:      {Networks}
            VLANs (10 to 4094):          {Vlans}
            active networks at once:     {ActiveNetworks}
            instances in one network:    {InstancesPerNetwork}
            instances in all:            {Instances}
            public addresses:            {PublicAddresses}
            """),
        NetworkMode.Static => string.Create(CultureInfo.InvariantCulture, $"instances in all:            {Instances} (pairs of VNET_MACMAP)"),
        _ => "instances in all:            as many as the local DHCP server has addresses for",
    };
}
