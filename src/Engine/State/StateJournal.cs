using System.Text.Json;

namespace EucaNet.Engine.State;

/// <summary>
/// Keeps the state over a restart: one line of JSON for each change, appended when it has become true, so that it costs one short write. A line is one fact,
/// or the list of those that became true together: a crash leaves all of them or none.
/// A line cut short by a crash is the last one and is left out. When the file has grown well beyond what stands, it is written anew beside
/// the old one and takes its place by a rename.
/// </summary>
internal sealed class StateJournal : IDisposable
{
    private readonly string? _path;
    private FileStream? _file;
    private int _records;

    /// <summary>A journal in a directory, which is made when missing; without a directory nothing is kept.</summary>
    public StateJournal(string? directory, string name)
    {
        if (directory is not null)
        {
            if (OperatingSystem.IsLinux())
            {
                Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
            else
            {
                Directory.CreateDirectory(directory);
            }

            _path = Path.Combine(directory, name);
        }
    }

    /// <summary>Reads all records and opens the journal for more.</summary>
    /// <exception cref="EngineException">Another engine has it open, or a line in its middle is damaged.</exception>
    public IReadOnlyList<StateRecord> Open()
    {
        if (_path is null)
        {
            return [];
        }

        try
        {
            _file = new FileStream(_path, Exclusive(FileMode.OpenOrCreate));
        }
        catch (IOException taken)
        {
            throw new EngineException($"state file {_path}", taken.Message, "end the other engine that uses it, or give another state directory", inner: taken);
        }

        byte[] bytes = new byte[_file.Length];
        _file.ReadExactly(bytes);
        var records = new List<StateRecord>();
        int start = 0, line = 1;
        for (int end; (end = Array.IndexOf(bytes, (byte)'\n', start)) >= 0; start = end + 1, line++)
        {
            try
            {
                records.AddRange(Parse(bytes.AsSpan(start, end - start)));
            }
            catch (JsonException damaged)
            {
                throw new EngineException($"state file {_path}", $"line {line} is damaged: {damaged.Message}", "restore the file, or remove it to start without the former state", inner: damaged);
            }
        }

        // What follows the last line end was being written when the engine died; it never became true.
        _file.SetLength(start);
        _file.Seek(0, SeekOrigin.End);
        _records = records.Count;
        return records;
    }

    /// <summary>Appends what has become true by one change, with one write and as one line.</summary>
    public void Append(params ReadOnlySpan<StateRecord> records)
    {
        if (_file is null || records.IsEmpty)
        {
            return;
        }

        _file.Write(records.Length == 1 ? Format(records) : [.. JsonSerializer.SerializeToUtf8Bytes(records.ToArray(), StateJson.Default.StateRecordArray), (byte)'\n']);
        _records += records.Length;
    }

    /// <summary>True when most of the file's records are overruled.</summary>
    public bool WantsCompacting(int standing) => _file is not null && _records > 1000 && _records > 4 * standing;

    /// <summary>Writes only what stands: a new file, flushed to the disk, takes the old one's place.</summary>
    public void Compact(IEnumerable<StateRecord> standing)
    {
        if (_path is null || _file is null)
        {
            return;
        }

        StateRecord[] records = [.. standing];
        string next = _path + ".new";
        var file = new FileStream(next, Exclusive(FileMode.Create));
        file.Write(Format(records));
        file.Flush(flushToDisk: true);
        File.Move(next, _path, overwrite: true);
        _file.Dispose();
        _file = file;
        _records = records.Length;
    }

    /// <inheritdoc />
    public void Dispose() => _file?.Dispose();

    private static FileStreamOptions Exclusive(FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (OperatingSystem.IsLinux())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    private static StateRecord[] Parse(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("["u8))
        {
            return JsonSerializer.Deserialize(line, StateJson.Default.StateRecordArray) ?? [];
        }

        return JsonSerializer.Deserialize(line, StateJson.Default.StateRecord) is { } record ? [record] : [];
    }

    private static byte[] Format(ReadOnlySpan<StateRecord> records)
    {
        using var memory = new MemoryStream();
        foreach (StateRecord record in records)
        {
            JsonSerializer.Serialize(memory, record, StateJson.Default.StateRecord);
            memory.WriteByte((byte)'\n');
        }

        return memory.ToArray();
    }
}
