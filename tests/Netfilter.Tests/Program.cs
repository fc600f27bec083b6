using EucaNet.Netfilter.Iptables;
using EucaNet.Netlink.Kernel;
using EucaNet.Tests;

namespace EucaNet.Netfilter.Tests;

/// <summary>
/// "dotnet EucaNet.Netfilter.Tests.dll nft|legacy FILE LOCK WRITE": flushes, loads the file, and stands still right before the write of this number (from 1), for the test that kills
/// it there. "stopped" on standard output says that it stands, "done" that there was no such write.
/// </summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        int left = int.Parse(arguments[3], System.Globalization.CultureInfo.InvariantCulture);
        var kernel = new ObservedKernel(LinuxKernel.Current)
        {
            BeforeWrite = () =>
            {
                if (--left == 0)
                {
                    Console.WriteLine("stopped");
                    Thread.Sleep(Timeout.Infinite);
                }
            },
        };
        using IptablesTables tables = IptablesTables.Open(
            kernel, Enum.Parse<IptablesInterface>(arguments[0], ignoreCase: true), options: new IptablesTablesOptions { LockFile = arguments[2] });
        tables.FlushAndLoad(File.ReadAllText(arguments[1]));
        Console.WriteLine("done");
        return 0;
    }
}
