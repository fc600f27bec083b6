using System.Diagnostics;
using System.Globalization;
using System.Text;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Time;
using EucaNet.Tests;
using NUnit.Framework;
using TraceLevel = EucaNet.Simulator.Datapath.TraceLevel;

namespace EucaNet.Simulator.Tests.Datapath;

/// <content>The random rules.</content>
public sealed partial class RouterDifferenceTests
{
    /// <summary>Small rule sets of what tenants' firewalls are made of.</summary>
    private sealed class RuleGenerator(RandomSource random)
    {
        private const string TableName = "t";

        public NftablesBatch Make()
        {
            var batch = new NftablesBatch();
            batch.Add(new Table { Family = NftablesFamily.Ip, Name = TableName });
            Chain(batch, "raw", "filter", 0, -300, 2, [Accept, Drop, Mark, NoTrack]);
            Chain(batch, "pre", "filter", 0, -150, 2, [Accept, Drop, Mark, Accept]);
            Chain(batch, "arrive", "nat", 0, -100, 3, [DestinationNat, DestinationNat, Redirect, Accept]);
            Chain(batch, "in", "filter", 1, 0, 3, [Accept, Drop, Reject, ResetReject]);
            Chain(batch, "forward", "filter", 2, 0, 6, [Accept, Accept, Drop, Reject, ResetReject, Mark]);
            Chain(batch, "out", "filter", 3, 0, 2, [Accept, Accept, Accept, Drop]);
            Chain(batch, "post", "filter", 4, 50, 2, [Accept, Drop, Accept, Mark]);
            Chain(batch, "leave", "nat", 4, 100, 3, [SourceNat, Masquerade, Accept]);
            return batch;
        }

        private void Chain(NftablesBatch batch, string name, string type, uint hook, int priority, int most, Func<bool, List<Expression>>[] statements)
        {
            if (random.Next(4) == 0)
            {
                return;
            }

            bool drops = type == "filter" && hook == 2 && random.Next(3) == 0;
            batch.Add(EucaNet.Netfilter.Nftables.Chain.Base(NftablesFamily.Ip, TableName, name, type, new ChainHook(hook, priority), drops ? ChainPolicy.Drop : ChainPolicy.Accept));
            int rules = random.Next(most + 1);
            for (int i = 0; i < rules; i++)
            {
                var expressions = new List<Expression>();
                bool tcp = false;
                Func<bool, List<Expression>> statement = statements[random.Next(statements.Length)];
                int matches = 1 + random.Next(2);
                if (statement == ResetReject)
                {
                    expressions.AddRange(Protocol(IpProtocol.Tcp));
                    tcp = true;
                    matches--;
                }

                for (int m = 0; m < matches; m++)
                {
                    expressions.AddRange(Match(type == "nat" || name == "raw"));
                }

                expressions.AddRange(statement(tcp));
                batch.Add(Rule.Of(NftablesFamily.Ip, TableName, name, [.. expressions]));
            }
        }

        private List<Expression> Match(bool stateless)
        {
            switch (random.Next(stateless ? 6 : 8))
            {
                case 0:
                    return [Payload(PayloadBase.NetworkHeader, 12, 4), Compare(Address(random.Next(2) == 0))];
                case 1:
                    return [Payload(PayloadBase.NetworkHeader, 16, 4), Compare(Address(random.Next(2) == 0))];
                case 2:
                    return Protocol(Pick<byte>(IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Icmp));
                case 3:
                    return [.. Protocol(Pick<byte>(IpProtocol.Tcp, IpProtocol.Udp)), Payload(PayloadBase.TransportHeader, 2, 2),
                        new RangeExpression { SourceRegister = 1, Operator = Pick(RangeOperator.Equal, RangeOperator.NotEqual), From = OctetString.FromUInt16BigEndian(20), To = OctetString.FromUInt16BigEndian(80) }];
                case 4:
                    return [.. Protocol(IpProtocol.Tcp), Payload(PayloadBase.TransportHeader, 13, 1), Mask([(byte)random.Next(32)]), Compare([(byte)(random.Next(2) * 2)], equal: random.Next(2) == 0)];
                case 5:
                    return [.. Protocol(IpProtocol.Icmp), Payload(PayloadBase.TransportHeader, 0, 1), Compare([8])];
                case 6:
                    return [new ConntrackExpression { DestinationRegister = 1, Key = ConntrackKey.State }, Mask(BitConverter.GetBytes(1u << random.Next(4))), Compare(new byte[4], equal: false)];
                default:
                    return [new MetaExpression { DestinationRegister = 1, Key = MetaKey.Mark }, Compare(BitConverter.GetBytes(7u), equal: random.Next(2) == 0)];
            }
        }

        private static List<Expression> Protocol(byte protocol) => [new MetaExpression { DestinationRegister = 1, Key = MetaKey.Layer4Protocol }, Compare([protocol])];

        private static PayloadExpression Payload(PayloadBase from, uint offset, uint length) => new() { DestinationRegister = 1, Base = from, Offset = offset, Length = length };

        private static CompareExpression Compare(byte[] value, bool equal = true) => new() { SourceRegister = 1, Operator = equal ? CompareOperator.Equal : CompareOperator.NotEqual, Value = value };

        private static BitwiseExpression Mask(byte[] mask) => new() { SourceRegister = 1, DestinationRegister = 1, Length = (uint)mask.Length, Mask = mask, Xor = new byte[mask.Length] };

        private byte[] Address(bool left) => [10, (byte)(left ? 1 : 2), 0, (byte)(1 + random.Next(4))];

        private T Pick<T>(params T[] values) => values[random.Next(values.Length)];

        private List<Expression> Accept(bool tcp) => [Verdict(EucaNet.Netfilter.Nftables.Verdict.Accept)];

        private List<Expression> Drop(bool tcp) => [Verdict(EucaNet.Netfilter.Nftables.Verdict.Drop)];

        private List<Expression> NoTrack(bool tcp) => [new NoTrackExpression()];

        private List<Expression> Mark(bool tcp) => [new ImmediateExpression { DestinationRegister = 1, Value = BitConverter.GetBytes(7u) }, new MetaExpression { SourceRegister = 1, Key = MetaKey.Mark }];

        private List<Expression> Reject(bool tcp) => [new RejectExpression { Kind = RejectKind.IcmpUnreachable, IcmpCode = Pick<byte>(1, 3, 13) }];

        private List<Expression> ResetReject(bool tcp) => [new RejectExpression { Kind = RejectKind.TcpReset }];

        private List<Expression> DestinationNat(bool tcp) =>
            [new ImmediateExpression { DestinationRegister = 1, Value = Address(random.Next(3) == 0) }, new NatExpression { Kind = NatKind.Destination, Family = 2, AddressRegister = 1 }];

        private List<Expression> Redirect(bool tcp) => [new RedirectExpression()];

        private List<Expression> SourceNat(bool tcp) =>
            [new ImmediateExpression { DestinationRegister = 1, Value = new byte[] { 10, 2, 0, 1 } }, new NatExpression { Kind = NatKind.Source, Family = 2, AddressRegister = 1 }];

        private List<Expression> Masquerade(bool tcp) => [new MasqueradeExpression()];

        private static ImmediateExpression Verdict(EucaNet.Netfilter.Nftables.Verdict verdict) => new() { DestinationRegister = 0, Verdict = verdict };
    }
}
