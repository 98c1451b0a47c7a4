using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Anchors;

/// <summary>A file to which a line a seal is appended and flushed to the disk. It belongs on another disk than the database, or on one that only appends.</summary>
internal sealed class FileAnchor : IAnchor, IDisposable
{
    private readonly string _path;
    private readonly FileStream _file;
    private readonly Dictionary<string, long> _last = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    public FileAnchor(string path)
    {
        _path = path;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        var whole = 0L;
        foreach (var (line, end) in Lines(_file))
        {
            whole = end;
            Note(AnchorLine.Parse(line));
        }

        // A crash may cut the last line off; its seal is anchored again.
        _file.SetLength(whole);
        _file.Position = whole;
    }

    public string Name => _path;

    /// <summary>Every tenant that has a seal.</summary>
    public ImmutableArray<string> Tenants
    {
        get
        {
            lock (_gate)
            {
                return [.. _last.Keys.Order(StringComparer.Ordinal)];
            }
        }
    }

    public ValueTask<long> LastAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return ValueTask.FromResult(_last.GetValueOrDefault(TrailStore.Tenant));
        }
    }

    public ValueTask AppendAsync(AnchoredSeal seal, CancellationToken cancellationToken) => Append(seal.ToJson(), new AnchorLine(seal, null));

    public ValueTask AcknowledgeAsync(Acknowledgement word, CancellationToken cancellationToken) => Append(word.ToJson(), new AnchorLine(null, word));

    public async IAsyncEnumerable<AnchorLine> ReadAsync(string tenant, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (AnchorLine.Parse(line) is var kept && kept.Tenant == tenant)
                yield return kept;
        }
    }

    public void Dispose() => _file.Dispose();

    private void Note(AnchorLine line)
    {
        if (line.Sealed is { } anchored)
            _last[anchored.Tenant] = Math.Max(anchored.Seal.Number, _last.GetValueOrDefault(anchored.Tenant));
        else if (line.Acknowledged is { } word)
            _last[word.Tenant] = word.From - 1;
    }

    private ValueTask Append(string text, AnchorLine line)
    {
        lock (_gate)
        {
            var end = _file.Position;
            try
            {
                _file.Write(Encoding.UTF8.GetBytes(text + "\n"));
                _file.Flush(flushToDisk: true);
            }
            catch
            {
                _file.SetLength(end);
                _file.Position = end;
                throw;
            }

            Note(line);
        }

        return ValueTask.CompletedTask;
    }

    private static IEnumerable<(string Line, long End)> Lines(FileStream file)
    {
        var buffer = new byte[1 << 16];
        var line = new MemoryStream();
        var end = 0L;
        for (int read; (read = file.Read(buffer)) > 0;)
        {
            for (var start = 0; start < read;)
            {
                var at = Array.IndexOf(buffer, (byte)'\n', start, read - start);
                if (at < 0)
                {
                    line.Write(buffer, start, read - start);
                    break;
                }

                line.Write(buffer, start, at - start);
                end += line.Length + 1;
                yield return (Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length), end);
                line.SetLength(0);
                start = at + 1;
            }
        }
    }
}
