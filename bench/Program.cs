using BenchmarkDotNet.Running;
using EucaNet.Bench;

// dotnet run -c Release --project bench -- --filter '*Netlink*'
if (args is ["nft-bulk", ..])
{
    // dotnet run -c Release --project bench -- nft-bulk   (root, gcc; works in namespaces of its own)
    return NftablesBulk.Run(Console.Out);
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
