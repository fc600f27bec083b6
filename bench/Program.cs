using BenchmarkDotNet.Running;

// dotnet run -c Release --project bench -- --filter '*Netlink*'
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
