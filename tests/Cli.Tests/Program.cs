using EucaNet.Tests;

namespace EucaNet.Cli.Tests;

/// <summary>Runs the tests of a category, in the virtual machine.</summary>
internal static class Program
{
    public static int Main(string[] arguments) => CategoryRunner.Run(arguments);
}
