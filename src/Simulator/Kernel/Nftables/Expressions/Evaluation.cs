using System.Buffers.Binary;
using System.Runtime.InteropServices;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>A packet's way through the rules of one base chain: registers, verdict, the packet at its hook.</summary>
internal sealed class Evaluation(NftablesSubsystem subsystem, HookContext context, byte family)
{
    private readonly byte[] _registers = new byte[Registers.Count * 4];
    private readonly int _transport = FindTransport(context.Packet, subsystem.Kernel.Profile);

    public NftablesSubsystem Subsystem { get; } = subsystem;

    public HookContext Context { get; } = context;

    public Packet Packet => Context.Packet;

    public NetworkStack Stack => Context.Stack;

    /// <summary>The family of the chain's table; inet chains see ip and ip6 packets.</summary>
    public byte TableFamily { get; } = family;

    /// <summary>The packet's own family at this hook.</summary>
    public byte Family => Context.Family;

    public byte Hook => Context.Hook;

    public NetworkDevice? Input => Context.Input;

    public NetworkDevice? Output => Context.Output;

    /// <summary>What the last expression decided; NFT_CONTINUE while the rule goes on.</summary>
    public Verdict Verdict { get; set; } = new(NFT_CONTINUE);

    /// <summary>Now, in milliseconds of the virtual clock.</summary>
    public long Now => Subsystem.Now;

    /// <summary>Ends the rule without a verdict.</summary>
    public void Break() => Verdict = new Verdict(NFT_BREAK);

    public void Decide(int code) => Verdict = new Verdict(code);

    /// <summary>The bytes from a register on.</summary>
    public Span<byte> Data(int register) => _registers.AsSpan(register * 4);

    public Span<byte> Data(int register, int length) => _registers.AsSpan(register * 4, length);

    public uint Load32(int register) => MemoryMarshal.Read<uint>(Data(register));

    public ushort LoadBigEndian16(int register) => BinaryPrimitives.ReadUInt16BigEndian(Data(register));

    public void Store8(int register, byte value) => Store32(register, value);

    /// <summary>A u16 in host order; the rest of the register becomes 0.</summary>
    public void Store16(int register, ushort value) => Store32(register, value);

    public void StoreBigEndian16(int register, ushort value) => Store32(register, BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);

    public void Store32(int register, uint value) => MemoryMarshal.Write(Data(register), value);

    public void Store64(int register, ulong value) => MemoryMarshal.Write(Data(register), value);

    /// <summary>Bytes; the last word is filled up with 0.</summary>
    public void Store(int register, ReadOnlySpan<byte> value)
    {
        Span<byte> target = Data(register);
        int padded = value.Length + 3 & ~3;
        target[..padded].Clear();
        value.CopyTo(target);
    }

    /// <summary>A name in sixteen bytes.</summary>
    public void StoreName(int register, string name)
    {
        Span<byte> target = Data(register, 16);
        target.Clear();
        System.Text.Encoding.Latin1.GetBytes(name, target);
    }

    /// <summary>The transport protocol is known, also of later pieces.</summary>
    public bool HasTransportProtocol => _transport > 0 || (_transport != Ipv6Header.Broken && Packet.HasTransportProtocol);

    /// <summary>The transport protocol. Unlike other parts of the kernel, nf_tables takes an authentication header of IPv6 for one (IP6_FH_F_AUTH).</summary>
    public byte TransportProtocol => _transport > 0 ? IpProtocol.Ah : Packet.TransportProtocol;

    /// <summary>The packet from the transport header on.</summary>
    public Span<byte> Transport => _transport > 0 ? Packet.Network[_transport..] : Packet.Transport;

    /// <summary>The transport protocol is known and its header is in this packet.</summary>
    public bool HasTransport => HasTransportProtocol && Packet.FragmentOffset == 0;

    /// <summary>Where nf_tables finds the transport header of a packet with extension headers, if it is not where others find it; else 0.</summary>
    private static int FindTransport(Packet packet, KernelProfile profile)
    {
        if (!packet.IsIpv6 || !packet.Ipv6.IsValid || (packet.HasTransportProtocol && packet.Network[6] == packet.TransportProtocol))
        {
            return 0;
        }

        int found = packet.Ipv6.Find(null, authentication: true, profile.ChecksExtensionHeaders, out byte protocol, out _);
        return found < 0 ? Ipv6Header.Broken : protocol == IpProtocol.Ah && found > 0 ? found : 0;
    }
}
