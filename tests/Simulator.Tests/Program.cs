using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Tests.Fabric;

namespace EucaNet.Simulator.Tests;

/// <summary>Loads the cloud that another process saved in the file named, lets it go on, and prints what happens in it.</summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        using StreamReader saved = File.OpenText(arguments[0]);
        using SimulatedCloud cloud = SimulatedCloud.Load(saved);
        Console.Out.Write(CloudForkTests.Play(cloud));
        return 0;
    }
}
