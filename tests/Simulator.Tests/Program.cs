using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Tests.Fabric;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests;

/// <summary>
/// "FILE": loads the cloud that another process saved there, lets it go on, and prints what happens in it. "CATEGORY [NAME]": runs tests of a category, in the virtual machine.
/// </summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        if (!File.Exists(arguments[0]))
        {
            return CategoryRunner.Run(arguments);
        }

        using StreamReader saved = File.OpenText(arguments[0]);
        using SimulatedCloud cloud = SimulatedCloud.Load(saved);
        Console.Out.Write(CloudForkTests.Play(cloud));
        return 0;
    }
}
