using System.Diagnostics;
using NUnit.Framework;

namespace EucaNet.Tests;

/// <summary>Small C programs that say what the installed kernel headers say. Tests that use them need gcc.</summary>
internal static class CompiledProbe
{
    /// <summary>Compiles a program, runs it and returns the lines it printed.</summary>
    /// <param name="source">The whole program.</param>
    public static string[] Run(string source)
    {
        string folder = Directory.CreateTempSubdirectory("euca-headers").FullName;
        try
        {
            string program = Path.Combine(folder, "probe");
            File.WriteAllText(program + ".c", source);
            Execute("gcc", "-w", "-o", program, program + ".c");
            return Execute(program).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Execute(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, errors.Result);
        return output;
    }
}
