using System.Runtime.InteropServices;
using EucaNet.Netfilter.Nftables.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>
/// The names that nft asks this machine for: of interfaces (of the namespace, which /sys may not show), of groups, realms, marks and labels in the files nft reads, of control groups, and
/// the time zone.
/// </summary>
internal sealed partial class MachineNames : IDisposable
{
    private const string ControlGroups = "/sys/fs/cgroup";

    private readonly RouteConnection _route;
    private readonly Dictionary<uint, string?> _interfaces = [];
    private Dictionary<ulong, string>? _controlGroups;

    public MachineNames(IKernel kernel)
    {
        _route = RouteConnection.Open(kernel);
        Listing = new ListingOptions
        {
            InterfaceName = NameOfInterface,
            InterfaceGroupName = NumberNames.OfNumbers("/etc/iproute2/group").Of,
            RealmName = NumberNames.OfNumbers("/etc/iproute2/rt_realms").Of,
            MarkName = NumberNames.OfNumbers("/etc/iproute2/rt_marks").Of,
            LabelName = NumberNames.OfNumbers("/etc/connlabel.conf").Of,
            ControlGroupName = NameOfControlGroup,
            TimeZone = TimeZoneInfo.Local,
            HourOffset = TimeZoneInfo.Local.GetUtcOffset(DateTimeOffset.UtcNow),
        };
    }

    /// <summary>Options of a listing that has these names.</summary>
    public ListingOptions Listing { get; }

    public void Dispose() => _route.Dispose();

    // A link may have come since the last look: whoever watches packets meets it before anything tells of it.
    private string? NameOfInterface(uint index)
    {
        if (!_interfaces.TryGetValue(index, out string? name))
        {
            foreach (Link link in _route.GetLinksAsync().AsTask().GetAwaiter().GetResult())
            {
                _interfaces[(uint)link.Index] = link.Name;
            }

            name = _interfaces.GetValueOrDefault(index);
            _interfaces[index] = name;
        }

        return name;
    }

    // A control group is numbered by the inode of its folder.
    private string? NameOfControlGroup(ulong number)
    {
        if (_controlGroups is null)
        {
            // The root of a hierarchy, always the first inode, has no path.
            _controlGroups = new Dictionary<ulong, string> { [1] = "" };
            if (Directory.Exists(ControlGroups))
            {
                foreach (string folder in Directory.EnumerateDirectories(ControlGroups, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true }))
                {
                    _controlGroups.TryAdd(Inode(folder), folder[(ControlGroups.Length + 1)..]);
                }
            }
        }

        return _controlGroups.GetValueOrDefault(number) is { Length: > 0 } path ? path : null;
    }

    // .NET tells no inode; statx lays it at the same place on every architecture.
    private static unsafe ulong Inode(string folder)
    {
        const int CurrentFolder = -100;
        const uint InodeWanted = 0x100;
        const int Size = 256, InodeOffset = 32;
        byte* result = stackalloc byte[Size];
        return StatX(CurrentFolder, folder, 0, InodeWanted, result) == 0 ? *(ulong*)(result + InodeOffset) : 0;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatX(int folder, string path, int flags, uint mask, byte* result);
}
