using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace EucaNet.Tests;

/// <summary>
/// "dotnet EucaNet.X.Tests.dll CATEGORY [NAME]" runs the tests of a category, or those of it whose name matches a pattern, without the test platform's processes, which a virtual machine takes
/// minutes to start. The status is 0 where all passed and there was one.
/// </summary>
internal static class CategoryRunner
{
    public static int Run(string[] arguments)
    {
        var runner = new NUnitTestAssemblyRunner(new DefaultTestAssemblyBuilder());
        runner.Load(typeof(CategoryRunner).Assembly, new Dictionary<string, object>());
        ITestResult result = runner.Run(new Teller(Console.Out), TestFilter.FromXml($"<filter><cat>{arguments[0]}</cat>{(arguments.Length > 1 ? $"<test re='1'>{arguments[1]}</test>" : "")}</filter>"));
        Console.WriteLine($"Passed: {result.PassCount}, Failed: {result.FailCount}, Skipped: {result.SkipCount}");
        return result is { FailCount: 0, PassCount: > 0 } ? 0 : 1;
    }

    // The console is the tests' own while they run, so the teller keeps what it was before.
    private sealed class Teller(TextWriter console) : ITestListener
    {
        public void TestStarted(ITest test)
        {
        }

        public void TestFinished(ITestResult result)
        {
            if (!result.Test.IsSuite || (result.FailCount > 0 && result.ResultState.Site != FailureSite.Child))
            {
                console.WriteLine($"{result.ResultState.Status}: {result.FullName} ({result.Duration:0.0} s)");
                console.Write(result.Message is null ? "" : $"{result.Message}\n{result.StackTrace}\n{result.Output}");
            }
        }

        public void TestOutput(TestOutput output) => console.Write(output.Text);

        public void SendMessage(TestMessage message)
        {
        }
    }
}
