using BenchmarkDotNet.Running;
using EucaNet.Bench;

// dotnet run -c Release --project bench -- --filter '*Netlink*'
if (args is ["nft-bulk", ..])
{
    // dotnet run -c Release --project bench -- nft-bulk [rules|elements|one|list]   (root, gcc; works in namespaces of its own)
    return NftablesBulk.Run(Console.Out, args[1..]);
}

if (args is ["iptables-restore", ..])
{
    // dotnet run -c Release --project bench -- iptables-restore [ROUNDS]   (root, iptables; works in namespaces of its own)
    return IptablesRestore.Run(Console.Out, args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 7);
}

if (args is ["engine-rules", ..])
{
    // dotnet run -c Release --project bench -- engine-rules   (root; works in namespaces of its own)
    return await EngineRates.RulesAsync(Console.Out);
}

if (args is ["engine-dhcp", ..])
{
    // dotnet run -c Release --project bench -- engine-dhcp   (root; works in a namespace of its own)
    return await EngineRates.DhcpAsync(Console.Out);
}

if (args is ["netlink-roundtrip", ..])
{
    // dotnet run -c Release --project bench -- netlink-roundtrip   (root, gcc, libmnl-dev; works in namespaces of its own)
    return NetlinkRoundTrip.Run(Console.Out);
}

if (args is ["simulator-scale", ..])
{
    // dotnet run -c Release --project bench -- simulator-scale
    return SimulatorScale.Run(Console.Out);
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
