using System.Diagnostics;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli.Tests.Commands;

/// <summary>What a run of the program gave.</summary>
internal sealed record CommandResult(int Status, string Output, string Errors);

/// <summary>Runs the program as a user does: as a process of its own, in a network namespace where one is given.</summary>
internal static class CommandLine
{
    /// <summary>The program built beside these tests.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "eucanet.dll");

    /// <summary>The folder of the repository.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>Runs the program to its end.</summary>
    public static CommandResult Run(NetworkNamespace? inside, params string[] arguments)
    {
        using Process process = Start(inside, arguments);
        return Finish(process, TimeSpan.FromMinutes(4));
    }

    /// <summary>Runs another program of the machine to its end.</summary>
    public static CommandResult RunOther(NetworkNamespace? inside, string program, params string[] arguments)
    {
        using Process process = StartProcess(inside, program, arguments);
        return Finish(process, TimeSpan.FromMinutes(15));
    }

    /// <summary>Starts the program.</summary>
    public static Process Start(NetworkNamespace? inside, params string[] arguments) => StartProcess(inside, "dotnet", [Program, .. arguments]);

    private static Process StartProcess(NetworkNamespace? inside, string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = Repository,
        };
        start.Environment["NO_COLOR"] = "1";
        // A process lives in the namespace of the thread that starts it.
        Process process = inside is null ? Process.Start(start)! : inside.Run(() => Process.Start(start)!);
        process.StandardInput.Close();
        return process;
    }

    private static CommandResult Finish(Process process, TimeSpan limit)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{process.StartInfo.FileName} {string.Join(' ', process.StartInfo.ArgumentList)} did not end within {limit}; it printed: {output.Result} {errors.Result}");
        }

        return new CommandResult(process.ExitCode, output.Result, errors.Result);
    }

    private static string FindRepository()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "EucaNet.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("EucaNet.sln is in no folder above the tests");
    }
}
