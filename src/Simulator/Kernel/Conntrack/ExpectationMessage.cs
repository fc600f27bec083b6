using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>Expectations in the byte form of nf_conntrack_netlink.</summary>
internal static class ExpectationMessage
{
    public static void Write(ref NetlinkWriter writer, Expectation expectation, DateTimeOffset now)
    {
        TupleAttributes.Write(ref writer, CTA_EXPECT_TUPLE, expectation.Tuple);

        // The end that it goes to counts as a whole.
        byte family = expectation.Tuple.Family;
        TupleAttributes.Write(ref writer, CTA_EXPECT_MASK, expectation.Mask with
        {
            Destination = new InternetAddress(family, InternetAddress.Mask(family, InternetAddress.Any(family).Bits)),
            Protocol = expectation.Tuple.Protocol,
            DestinationPort = ushort.MaxValue,
        });
        TupleAttributes.Write(ref writer, CTA_EXPECT_MASTER, expectation.Master.Original);
        if (expectation.Translation is { } translation && (!translation.Address.IsAny || translation.Port != 0))
        {
            WireMark mark = writer.BeginNested(CTA_EXPECT_NAT);
            writer.WriteUInt32BigEndian(CTA_EXPECT_NAT_DIR, translation.Direction);
            ConnectionTuple master = expectation.Master.Original;
            TupleAttributes.Write(ref writer, CTA_EXPECT_NAT_TUPLE, new ConnectionTuple(translation.Address, InternetAddress.Any(master.Family), master.Protocol, translation.Port, 0));
            writer.EndAttribute(mark);
        }

        writer.WriteUInt32BigEndian(CTA_EXPECT_TIMEOUT, (uint)Math.Max(0, (expectation.Expires - now).TotalSeconds));
        writer.WriteUInt32BigEndian(CTA_EXPECT_ID, expectation.Id);
        writer.WriteUInt32BigEndian(CTA_EXPECT_FLAGS, (uint)expectation.Flags);
        writer.WriteUInt32BigEndian(CTA_EXPECT_CLASS, expectation.Class);
        if (expectation.Master.Helper is { } helper)
        {
            NftMessage.WriteName(ref writer, CTA_EXPECT_HELP_NAME, helper.Name);
        }

        if (expectation.FollowsMaster)
        {
            NftMessage.WriteName(ref writer, CTA_EXPECT_FN, ExpectationSubsystem.FollowMaster);
        }
    }
}
