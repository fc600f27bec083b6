using EucaNet.Simulator.Tests.Datapath;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>Runs what is held against the real kernel's rtnetlink and needs modules that this machine's kernel lacks (802.1Q) under a stock Debian kernel.</summary>
public sealed class DebianRouteTests
{
    /// <summary>Tests that need VLANs.</summary>
    public const string Category = "DebianRoutes";

    /// <summary>What they need of the kernel.</summary>
    public const string Modules = "8021q bridge veth ifb";

    /// <summary>3,000 requests; wider ranges: EUCANET_FIRST_SEED and EUCANET_ROUTE_SEEDS before "dotnet EucaNet.Simulator.Tests.dll DebianRoutes" under tests/vm/run.</summary>
    [Test]
    [RequiresVirtualMachine]
    public void Requests_about_VLANs_end_the_same_on_a_stock_Debian_kernel() => DebianDatapathTests.RunUnderDebian($"modprobe -a {Modules}", "", Category);
}
