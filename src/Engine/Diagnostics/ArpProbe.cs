using EucaNet.Engine.Discovery;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Diagnostics;

/// <summary>Asks by ARP who has an address, once a second, until somebody answers or the patience ends.</summary>
internal static class ArpProbe
{
    /// <summary>The MAC that answered, or null.</summary>
    public static async ValueTask<MacAddress?> AskAsync(IKernel kernel, int interfaceIndex, Ipv4Address own, Ipv4Address target, TimeSpan patience, CancellationToken cancellationToken)
    {
        using IPacketSocket socket = kernel.OpenPacket(interfaceIndex, ArpFrame.EtherType);
        byte[] request = new byte[ArpFrame.Length];
        byte[] received = new byte[2048];
        ArpFrame.WriteRequest(request, socket.HardwareAddress, own, target);
        MacAddress self = MacAddress.Read(socket.HardwareAddress);
        DateTimeOffset end = kernel.Time.GetUtcNow() + patience;
        while (kernel.Time.GetUtcNow() < end)
        {
            try
            {
                socket.Send(request);
            }
            catch (KernelException down) when (down.Error == LinuxError.ENETDOWN)
            {
                // It has just been set up; the next try finds it ready.
            }

            DateTimeOffset next = kernel.Time.GetUtcNow() + TimeSpan.FromSeconds(1);
            while (kernel.Time.GetUtcNow() < next)
            {
                for (int length; (length = Receive(socket, received)) >= 0;)
                {
                    if (ArpFrame.TryReadSender(received.AsSpan(0, length), out MacAddress mac, out Ipv4Address address) && address == target && mac != self)
                    {
                        return mac;
                    }
                }

                if (!await WaitAsync(socket, next - kernel.Time.GetUtcNow(), kernel.Time, cancellationToken).ConfigureAwait(false))
                {
                    break;
                }
            }
        }

        return null;
    }

    private static int Receive(IPacketSocket socket, byte[] buffer)
    {
        try
        {
            return Math.Min(socket.Receive(buffer), buffer.Length);
        }
        catch (KernelException down) when (down.Error == LinuxError.ENETDOWN)
        {
            return -1;
        }
    }

    private static async ValueTask<bool> WaitAsync(IPacketSocket socket, TimeSpan time, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (time <= TimeSpan.Zero)
        {
            return false;
        }

        using var timeout = new CancellationTokenSource(time, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            await socket.WaitReadableAsync(both.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
