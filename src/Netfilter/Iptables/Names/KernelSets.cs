using System.Net.Sockets;
using EucaNet.Netfilter.Iptables.Extensions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Iptables.Names;

/// <summary>Names and numbers of the kernel's sets, asked through SO_IP_SET (linux/netfilter/ipset/ip_set.h), the option that exists for rules.</summary>
internal static class KernelSets
{
    public const int MaximumName = 31;

    private const int Option = 83, AskByIndex = 7, AskWithFamily = 8, AskVersion = 0x100;
    private const int NameSize = 32, VersionField = 4, FamilyField = 8, NameBehindFamily = 12, NameField = 8;
    private const ushort Invalid = ushort.MaxValue;

    /// <summary>The set of this name; null where there is none, or no ipset in this kernel.</summary>
    public static KernelSet? Find(IKernel kernel, string name)
    {
        byte[] request = new byte[NameBehindFamily + NameSize];
        request.AsSpan().PutText(NameBehindFamily, NameSize - 1, name);
        if (!TryAsk(kernel, AskWithFamily, request))
        {
            return null;
        }

        ReadOnlySpan<byte> answer = request;
        ushort index = answer.UInt16(NameBehindFamily);
        return index == Invalid ? null : new KernelSet(index, (byte)answer.UInt32(FamilyField));
    }

    /// <summary>The name of a set; null where there is none of that number, or no ipset in this kernel.</summary>
    public static string? NameOf(IKernel kernel, ushort index)
    {
        byte[] request = new byte[NameField + NameSize];
        request.AsSpan().Put16(NameField, index);
        return TryAsk(kernel, AskByIndex, request) && ((ReadOnlySpan<byte>)request).Text(NameField, NameSize) is { Length: > 0 } name ? name : null;
    }

    /// <summary>A question has to bear the version the kernel speaks, so that one is asked for first.</summary>
    private static bool TryAsk(IKernel kernel, uint operation, byte[] request)
    {
        try
        {
            using IXtablesSocket socket = kernel.OpenXtables(AddressFamily.InterNetwork);
            byte[] version = new byte[8];
            version.AsSpan().Put32(0, AskVersion);
            socket.GetOption(Option, version);
            request.AsSpan().Put32(0, operation);
            version.AsSpan(VersionField, 4).CopyTo(request.AsSpan(VersionField));
            socket.GetOption(Option, request);
            return true;
        }
        catch (KernelException exception) when (exception.Error is LinuxError.ENOPROTOOPT or LinuxError.EPROTONOSUPPORT)
        {
            return false;
        }
    }
}
