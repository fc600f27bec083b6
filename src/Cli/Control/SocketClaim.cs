namespace EucaNet.Cli.Control;

/// <summary>
/// The right to listen at a control socket, held by a lock beside it for as long as the process lives. It is taken before the
/// kernel is touched, so a second daemon changes nothing; a socket left by a killed daemon is swept away.
/// </summary>
internal sealed class SocketClaim : IDisposable
{
    private readonly FileStream _lock;

    private SocketClaim(string path, FileStream held)
    {
        Path = path;
        _lock = held;
    }

    /// <summary>The socket's path.</summary>
    public string Path { get; }

    /// <summary>Claims <paramref name="path"/>.</summary>
    /// <exception cref="RefusedException">Another daemon has it, or the folder cannot be written.</exception>
    public static SocketClaim Take(string path)
    {
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        string lockPath = path + ".lock";
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new RefusedException($"the folder of the control socket {path} cannot be made: {exception.Message}");
        }

        FileStream held;
        try
        {
            held = new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException)
        {
            throw new RefusedException($"the control socket {path} cannot be used: you may not write {lockPath}; run as root, or name another --socket");
        }
        catch (IOException)
        {
            throw new RefusedException($"another engine serves {path} already; stop it first, or give this one its own --socket and --state");
        }

        try
        {
            File.Delete(path);
        }
        catch
        {
            held.Dispose();
            throw;
        }

        return new SocketClaim(path, held);
    }

    /// <summary>Gives the path free.</summary>
    public void Dispose()
    {
        File.Delete(Path);
        _lock.Dispose();
    }
}
