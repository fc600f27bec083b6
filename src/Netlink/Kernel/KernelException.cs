using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Kernel;

/// <summary>The kernel refused a system call.</summary>
/// <param name="operation">What was asked for, in words ("bind netlink socket").</param>
/// <param name="error">The kernel's error number.</param>
public class KernelException(string operation, LinuxError error)
    : Exception($"{operation}: {error}")
{
    /// <summary>The kernel's error number.</summary>
    public LinuxError Error { get; } = error;

    /// <summary>What was asked for.</summary>
    public string Operation { get; } = operation;
}
