using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>
/// What listeners are told of a traced packet's way through one base chain (nf_tables_trace.c): each rule that matched, the end of each chain, the policy. The
/// packet itself is described once, with the first of these.
/// </summary>
internal sealed class TraceNotes(NftablesSubsystem subsystem, HookContext context, Chain start)
{
    private const int NetworkHeaderSize = 40, TransportHeaderSize = 20;

    private bool _isPacketTold;

    /// <summary>A rule matched and decided this.</summary>
    public void Rule(Chain chain, Rule rule, Verdict verdict) => Tell(chain, NFT_TRACETYPE_RULE, verdict, rule.Handle, null);

    /// <summary>The packet came out at the end of a chain.</summary>
    public void End(Chain chain) => Tell(chain, NFT_TRACETYPE_RULE, new Verdict(NFT_CONTINUE), null, null);

    /// <summary>The base chain's policy decided.</summary>
    public void Policy(uint policy) => Tell(start, NFT_TRACETYPE_POLICY, null, null, policy);

    private void Tell(Chain chain, uint type, Verdict? verdict, ulong? handle, uint? policy)
    {
        Packet packet = context.Packet;
        if (!packet.Traced || !subsystem.Kernel.HasListeners(NetlinkProtocol.Netfilter, NFNLGRP_NFTRACE))
        {
            return;
        }

        if (packet.TraceId == 0)
        {
            packet.TraceId = subsystem.NextTraceId();
        }

        byte[] message = NftMessage.Make(NFNL_SUBSYS_NFTABLES, NFT_MSG_TRACE, 0, 0, 0, chain.Table.Family, 0, (ref NetlinkWriter writer) =>
        {
            writer.WriteUInt32BigEndian(NFTA_TRACE_NFPROTO, context.Family);
            writer.WriteUInt32BigEndian(NFTA_TRACE_TYPE, type);
            writer.WriteUInt32BigEndian(NFTA_TRACE_ID, packet.TraceId);
            NftMessage.WriteName(ref writer, NFTA_TRACE_CHAIN, chain.Name);
            NftMessage.WriteName(ref writer, NFTA_TRACE_TABLE, chain.Table.Name);
            if (handle is { } number)
            {
                writer.WriteUInt64BigEndian(NFTA_TRACE_RULE_HANDLE, number);
            }

            if (verdict is { } decided)
            {
                WireMark mark = writer.BeginAttribute(NFTA_TRACE_VERDICT);
                writer.WriteUInt32BigEndian(NFTA_VERDICT_CODE, (uint)decided.Code);
                if (decided.Chain is { } target)
                {
                    NftMessage.WriteName(ref writer, NFTA_VERDICT_CHAIN, target.Name);
                }

                writer.EndAttribute(mark);
            }

            if (policy is { } value)
            {
                writer.WriteUInt32BigEndian(NFTA_TRACE_POLICY, value);
            }

            if (packet.Mark != 0)
            {
                writer.WriteUInt32BigEndian(NFTA_TRACE_MARK, packet.Mark);
            }

            if (!_isPacketTold)
            {
                Describe(ref writer, packet);
            }
        });
        _isPacketTold = true;
        subsystem.Kernel.Notify(NetlinkProtocol.Netfilter, NFNLGRP_NFTRACE, message);
    }

    private void Describe(ref NetlinkWriter writer, Packet packet)
    {
        if (context.Input is { } input)
        {
            writer.WriteUInt32BigEndian(NFTA_TRACE_IIF, (uint)input.Index);
            writer.WriteUInt16BigEndian(NFTA_TRACE_IIFTYPE, input.HardwareType);
        }

        if (context.Output is { } output)
        {
            writer.WriteUInt32BigEndian(NFTA_TRACE_OIF, (uint)output.Index);
            writer.WriteUInt16BigEndian(NFTA_TRACE_OIFTYPE, output.HardwareType);
        }

        ReadOnlySpan<byte> network = packet.Network, link = packet.LinkHeader;
        int networkLength = packet.HasTransportProtocol && packet.TransportOffset >= 0 ? packet.TransportOffset - packet.NetworkOffset : network.Length;
        writer.WriteBytes(NFTA_TRACE_NETWORK_HEADER, network[..Math.Min(networkLength, NetworkHeaderSize)]);
        if (packet.HasTransportProtocol && packet.TransportOffset >= 0)
        {
            writer.WriteBytes(NFTA_TRACE_TRANSPORT_HEADER, packet.Transport[..Math.Min(packet.Transport.Length, TransportHeaderSize)]);
        }

        if (!link.IsEmpty)
        {
            writer.WriteBytes(NFTA_TRACE_LL_HEADER, link);
        }

        if (subsystem.Kernel.Profile.TracesConnections)
        {
            DescribeConnection(ref writer, packet);
        }
    }

    private static void DescribeConnection(ref NetlinkWriter writer, Packet packet)
    {
        if (packet.Connection is { } connection)
        {
            writer.WriteUInt32BigEndian(NFTA_TRACE_CT_STATE, ConntrackExpression.StateBit(packet.ConnectionInfo));
            writer.WriteByte(NFTA_TRACE_CT_DIRECTION, (byte)Connection.DirectionOf(packet.ConnectionInfo));
            writer.WriteUInt32BigEndian(NFTA_TRACE_CT_ID, connection.Id);
            writer.WriteUInt32BigEndian(NFTA_TRACE_CT_STATUS, (uint)connection.Status);
        }
        else if (packet.Untracked)
        {
            writer.WriteUInt32BigEndian(NFTA_TRACE_CT_STATE, ConntrackExpression.UntrackedBit);
        }
    }
}
