namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>The list of extensions, by what they look at.</summary>
internal static class KnownExtensions
{
    public static IReadOnlyList<XtExtension> All { get; } =
    [
        new TcpMatch(), new UdpMatch(), new MultiportMatch(), new IcmpMatch(), new Icmp6Match(), new SctpMatch(), new DccpMatch(),
        new EspMatch(), new AhMatch(), new Ah6Match(), new IpcompMatch(), new MhMatch(),
        new ConntrackMatch(), new StateMatch(), new ConnbytesMatch(), new ConnlabelMatch(), new ConnlimitMatch(), new ConnmarkMatch(), new HelperMatch(),
        new AddrtypeMatch(), new IprangeMatch(), new MacMatch(), new PhysdevMatch(), new PkttypeMatch(), new RealmMatch(), new DevgroupMatch(),
        new ExtensionHeaderOptionsMatch("hbh"), new ExtensionHeaderOptionsMatch("dst"), new FragMatch(), new RtMatch(), new SrhMatch(),
        new Ipv6headerMatch(), new Eui64Match(), new HopLimitMatch("ttl", IptablesFamily.Ip), new HopLimitMatch("hl", IptablesFamily.Ip6),
        new TosMatch(), new DscpMatch(), new EcnMatch(), new LengthMatch(), new TcpmssMatch(),
        new LimitMatch(), new HashlimitMatch(), new QuotaMatch(), new RecentMatch(), new StatisticMatch(), new TimeMatch(),
        new MarkMatch(), new CommentMatch(), new CpuMatch(), new OwnerMatch(), new CgroupMatch(), new SocketMatch(), new ClusterMatch(),
        new PolicyMatch(), new RpfilterMatch(), new OsfMatch(), new StringMatch(), new U32Match(), new BpfMatch(),
        new SetMatch(), new NfacctMatch(), new IpvsMatch(), new RateestMatch(),

        new NatTarget("SNAT", NatLayout.Ipv4Compatible, IptablesFamily.Ip, 0), new NatTarget("SNAT", NatLayout.Range, IptablesFamily.Ip6, 1),
        new NatTarget("DNAT", NatLayout.Ipv4Compatible, IptablesFamily.Ip, 0), new NatTarget("DNAT", NatLayout.Range, IptablesFamily.Ip6, 1),
        new NatTarget("DNAT", NatLayout.ShiftedRange, null, 2),
        new NatTarget("MASQUERADE", NatLayout.Ipv4Compatible, IptablesFamily.Ip, 0), new NatTarget("MASQUERADE", NatLayout.Range, IptablesFamily.Ip6, 0),
        new NatTarget("REDIRECT", NatLayout.Ipv4Compatible, IptablesFamily.Ip, 0), new NatTarget("REDIRECT", NatLayout.Range, IptablesFamily.Ip6, 0),
        new NetmapTarget(IptablesFamily.Ip), new NetmapTarget(IptablesFamily.Ip6), new NptTarget("SNPT"), new NptTarget("DNPT"),
        new RejectTarget(IptablesFamily.Ip), new RejectTarget(IptablesFamily.Ip6), new LogTarget(), new NflogTarget(), new NfqueueTarget(),
        new MarkTarget(), new ConnmarkTarget(), new ConnsecmarkTarget(), new SecmarkTarget(), new CtTarget(), new NotrackTarget(), new HmarkTarget(),
        new ClassifyTarget(), new DscpTarget(), new TosTarget(), new EcnTarget(),
        new HopLimitTarget("TTL", "ttl", IptablesFamily.Ip), new HopLimitTarget("HL", "hl", IptablesFamily.Ip6),
        new TcpmssTarget(), new TcpoptstripTarget(), new SynproxyTarget(), new TproxyTarget(), new TeeTarget(), new TraceTarget(), new AuditTarget(),
        new ChecksumTarget(), new IdletimerTarget(), new RateestTarget(), new SetTarget(), new LedTarget(), new ClusteripTarget(),
    ];
}
