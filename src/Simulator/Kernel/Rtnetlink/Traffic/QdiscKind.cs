using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>What a kind of queueing discipline does with requests (struct Qdisc_ops). How packets pass it is told by <see cref="Datapath.Traffic.PacketQueue"/>.</summary>
internal abstract class QdiscKind(string name)
{
    public string Name { get; } = name;

    /// <summary>For arriving packets: stands at TC_H_INGRESS.</summary>
    public virtual bool IsIngress => false;

    /// <summary>Never shown (TCQ_F_BUILTIN).</summary>
    public virtual bool IsBuiltIn => false;

    /// <summary>Each queue of the device has its own beneath it (mq).</summary>
    public virtual bool IsPerQueue => false;

    /// <summary>It has classes (cl_ops).</summary>
    public virtual bool IsClassful => false;

    /// <summary>Filters can stand on it (tcf_block).</summary>
    public virtual bool HasFilters => false;

    /// <summary>The least TCA_OPTIONS that makes one; null where it needs none.</summary>
    public virtual byte[]? LeastOptions => null;

    /// <summary>Reads TCA_OPTIONS of a new one.</summary>
    public virtual Verdict Initialise(Qdisc qdisc, byte[]? options, int offset) => Verdict.Success;

    /// <summary>Reads TCA_OPTIONS of a change.</summary>
    public virtual Verdict Change(Qdisc qdisc, byte[] options, int offset) =>
        new(LinuxError.EINVAL, "Change operation not supported by specified qdisc");

    /// <summary>Writes TCA_OPTIONS.</summary>
    public virtual void WriteOptions(ref NetlinkWriter writer, Qdisc qdisc)
    {
    }

    /// <summary>How many packets may wait in it, of bfifo how many bytes.</summary>
    public virtual uint Limit(Qdisc qdisc) => qdisc.Settings is uint limit ? limit : qdisc.Device.TransmitQueueLength;

    /// <summary>The statistics of its own (TCA_STATS_APP); empty for none.</summary>
    public virtual byte[] OwnStatistics(Qdisc qdisc) => [];

    /// <summary>A class by its whole id, or null. Fixed classes are found whatever their major.</summary>
    public virtual TrafficClass? FindClass(Qdisc qdisc, uint id) => null;

    /// <summary>Its classes in the order of dumps.</summary>
    public virtual IEnumerable<TrafficClass> Classes(Qdisc qdisc) => qdisc.Classes.All;

    /// <summary>Makes a class or changes one.</summary>
    public virtual Verdict ChangeClass(Qdisc qdisc, uint id, uint parent, byte[]? options, ref TrafficClass? known) => LinuxError.EOPNOTSUPP;

    /// <summary>Deletes a class.</summary>
    public virtual Verdict DeleteClass(Qdisc qdisc, TrafficClass one) => LinuxError.EOPNOTSUPP;

    /// <summary>What passed a class and what waits in it: what the discipline on it has counted.</summary>
    public virtual TrafficCounters ClassCounters(TrafficClass one) => one.Leaf?.Counters ?? one.Counters;

    /// <summary>The header fields of a class that differ from the usual ones: parent and info.</summary>
    public virtual (uint Parent, uint Info) ClassHeader(Qdisc qdisc, TrafficClass one) => (qdisc.Handle, one.Leaf?.Handle ?? 0);

    /// <summary>Writes TCA_OPTIONS of a class.</summary>
    public virtual void WriteClass(ref NetlinkWriter writer, Qdisc qdisc, TrafficClass one)
    {
    }

    /// <summary>The statistics of a class (TCA_STATS_APP); null where it keeps none at all.</summary>
    public virtual byte[]? ClassStatistics(TrafficClass one) => [];

    /// <summary>The filters for a class, for the qdisc itself (null), or for a direction; null where there can be none.</summary>
    public virtual FilterBlock? Filters(Qdisc qdisc, uint parent, TrafficClass? one) => HasFilters ? qdisc.Block(one?.Id ?? 0) : null;

    /// <summary>What stands on a class when nobody has put anything there.</summary>
    protected static Qdisc DefaultLeaf(Qdisc qdisc, uint classId) =>
        new(QdiscKinds.Find("pfifo")!, qdisc.Device, 0, classId) { IsInvisible = true, Settings = qdisc.Device.TransmitQueueLength };

    /// <summary>Puts something else on a class.</summary>
    public virtual Qdisc? Graft(Qdisc qdisc, TrafficClass one, Qdisc? leaf)
    {
        Qdisc? old = one.Leaf;
        one.Leaf = leaf ?? DefaultLeaf(qdisc, one.Id);
        return old;
    }
}
