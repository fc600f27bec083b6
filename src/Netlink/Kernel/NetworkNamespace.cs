using System.Runtime.ExceptionServices;
using System.Text;
using EucaNet.Netlink.Wire;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static EucaNet.Netlink.Kernel.SystemCalls;

namespace EucaNet.Netlink.Kernel;

/// <summary>
/// A network namespace of this Linux machine, held open by a descriptor. Named ones live below <see cref="Folder"/> as <c>ip netns</c>
/// keeps them, so either program sees the other's. The caller's thread never changes its namespace: what has to happen inside
/// happens on a thread of its own (<see cref="Run{T}"/>).
/// </summary>
public sealed class NetworkNamespace : IDisposable
{
    /// <summary>Where named namespaces are mounted.</summary>
    public const string Folder = "/run/netns";

    private const string Needs = "It needs CAP_SYS_ADMIN.";

    private readonly SafeFileHandle _handle;

    private NetworkNamespace(SafeFileHandle handle, string? name)
    {
        _handle = handle;
        Name = name;
    }

    /// <summary>The name below <see cref="Folder"/>; null for one that has none.</summary>
    public string? Name { get; }

    /// <summary>The descriptor, for <c>IFLA_NET_NS_FD</c> and setns(2); valid until <see cref="Dispose"/>.</summary>
    public int Descriptor => (int)_handle.DangerousGetHandle();

    /// <summary>The names of all named namespaces, sorted.</summary>
    public static IReadOnlyList<string> Names =>
        Directory.Exists(Folder)
            ? [.. Directory.EnumerateFiles(Folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)]
            : [];

    /// <summary>Makes a namespace that lives as long as something holds it: this object, a process, an interface's peer.</summary>
    /// <exception cref="KernelException">EPERM without CAP_SYS_ADMIN.</exception>
    public static NetworkNamespace Create() => OnOwnThread(() =>
    {
        Check(LibC.unshare(CLONE_NEWNET), "make a network namespace", Needs);
        return new NetworkNamespace(OpenFile("/proc/thread-self/ns/net", "make a network namespace"), null);
    });

    /// <summary>Makes a namespace with a name, as <c>ip netns add</c> does; it lives until <see cref="Delete"/>.</summary>
    /// <exception cref="KernelException">EEXIST: the name is taken; EPERM without CAP_SYS_ADMIN.</exception>
    /// <exception cref="ArgumentException">The name is no file name.</exception>
    public static NetworkNamespace Create(string name)
    {
        string path = PathOf(name);
        string operation = $"make network namespace '{name}'";
        PrepareFolder(operation);
        int file;
        unsafe
        {
            fixed (byte* text = Text(path))
            {
                file = Check(LibC.open(text, LibC.O_RDONLY | LibC.O_CREAT | LibC.O_EXCL | LibC.O_CLOEXEC, (ushort)0), operation, Needs);
            }
        }

        _ = LibC.close(file);
        try
        {
            return OnOwnThread(() =>
            {
                Check(LibC.unshare(CLONE_NEWNET), operation, Needs);
                Mount("/proc/thread-self/ns/net", path, MS_BIND, operation);
                return new NetworkNamespace(OpenFile(path, operation), name);
            });
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Opens a named namespace.</summary>
    /// <exception cref="KernelException">ENOENT: there is none of that name.</exception>
    public static NetworkNamespace Open(string name) => new(OpenFile(PathOf(name), $"open network namespace '{name}'"), name);

    /// <summary>Opens a process's namespace, or any by the path of its file (<c>/proc/PID/ns/net</c>).</summary>
    /// <exception cref="KernelException">ENOENT, EACCES: no such file, or it may not be read.</exception>
    public static NetworkNamespace OpenFile(string path) => new(OpenFile(path, $"open network namespace {path}"), null);

    /// <summary>Opens the calling thread's namespace.</summary>
    public static NetworkNamespace OpenCurrent() => OpenFile("/proc/thread-self/ns/net");

    /// <summary>Takes a namespace's name away, as <c>ip netns delete</c> does; it vanishes when nothing holds it any more.</summary>
    /// <exception cref="KernelException">ENOENT: there is none of that name; EPERM without CAP_SYS_ADMIN.</exception>
    public static void Delete(string name)
    {
        string path = PathOf(name);
        string operation = $"delete network namespace '{name}'";
        unsafe
        {
            fixed (byte* text = Text(path))
            {
                if (LibC.umount2(text, MNT_DETACH) < 0 && LastError is not LinuxError.EINVAL)
                {
                    throw Failure(operation, Needs);
                }

                Check(LibC.unlink(text), operation, Needs);
            }
        }
    }

    /// <summary>
    /// Runs an action on a thread of its own inside this namespace and waits for it. Sockets made there belong to the namespace for
    /// ever; processes started there live in it. What the action throws is thrown here.
    /// </summary>
    /// <exception cref="KernelException">EPERM without CAP_SYS_ADMIN.</exception>
    public T Run<T>(Func<T> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        return OnOwnThread(() =>
        {
            bool held = false;
            try
            {
                _handle.DangerousAddRef(ref held);
                Check(LibC.setns((int)_handle.DangerousGetHandle(), CLONE_NEWNET), $"enter network namespace {Name ?? "(unnamed)"}", Needs);
            }
            finally
            {
                if (held)
                {
                    _handle.DangerousRelease();
                }
            }

            return action();
        });
    }

    /// <inheritdoc cref="Run{T}" />
    public void Run(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        Run(() =>
        {
            action();
            return true;
        });
    }

    /// <summary>Lets go of the descriptor; a named namespace stays.</summary>
    public void Dispose() => _handle.Dispose();

    private static T OnOwnThread<T>(Func<T> action)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    result = action();
                }
#pragma warning disable CA1031 // thrown again on the caller's thread
                catch (Exception exception)
#pragma warning restore CA1031
                {
                    failure = ExceptionDispatchInfo.Capture(exception);
                }
            },
            256 * 1024)
        {
            IsBackground = true,
            Name = "network namespace",
        };
        thread.UnsafeStart();
        thread.Join();
        failure?.Throw();
        return result;
    }

    private static string PathOf(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name is "." or ".." || name.Contains('/', StringComparison.Ordinal) || name.Contains('\0', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(name) > 255)
        {
            throw new ArgumentException($"'{name}' cannot be a namespace's name: it is a file name below {Folder}.", nameof(name));
        }

        return $"{Folder}/{name}";
    }

    // As ip does: the folder is a shared mount, so that a delete reaches the mount namespaces of other processes too.
    private static void PrepareFolder(string operation)
    {
        try
        {
            Directory.CreateDirectory(Folder);
        }
        catch (UnauthorizedAccessException)
        {
            throw new KernelException(operation, LinuxError.EACCES, Needs);
        }

        if (!TryMount("", Folder, MS_SHARED | MS_REC))
        {
            if (LastError != LinuxError.EINVAL)
            {
                throw Failure(operation, Needs);
            }

            Mount(Folder, Folder, MS_BIND | MS_REC, operation);
            Mount("", Folder, MS_SHARED | MS_REC, operation);
        }
    }

    private static void Mount(string source, string target, int flags, string operation)
    {
        if (!TryMount(source, target, flags))
        {
            throw Failure(operation, Needs);
        }
    }

    private static unsafe bool TryMount(string source, string target, int flags)
    {
        fixed (byte* from = Text(source), to = Text(target), kind = "none\0"u8)
        {
            return LibC.mount(from, to, kind, (uint)flags, null) == 0;
        }
    }

    private static unsafe SafeFileHandle OpenFile(string path, string operation)
    {
        fixed (byte* text = Text(path))
        {
            return new SafeFileHandle(Check(LibC.open(text, LibC.O_RDONLY | LibC.O_CLOEXEC, (ushort)0), operation, Needs), ownsHandle: true);
        }
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text + "\0");
}
