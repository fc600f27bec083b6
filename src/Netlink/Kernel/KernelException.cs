using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Kernel;

/// <summary>The kernel refused a system call.</summary>
/// <param name="operation">What was asked for, in words ("bind netlink socket").</param>
/// <param name="error">The kernel's error number.</param>
/// <param name="advice">What to do about it, a sentence; null where there is nothing to say.</param>
public class KernelException(string operation, LinuxError error, string? advice = null)
    : Exception(advice is null ? $"{operation}: {error.Describe()}" : $"{operation}: {error.Describe()}. {advice}")
{
    /// <summary>The kernel's error number.</summary>
    public LinuxError Error { get; } = error;

    /// <summary>What was asked for.</summary>
    public string Operation { get; } = operation;
}
