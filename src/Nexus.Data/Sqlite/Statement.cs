using System.Text;
using SQLitePCL;

namespace Nexus.Data.Sqlite;

/// <summary>A prepared statement. Parameters count from 1, columns from 0. Disposing resets it and gives it back to its connection's cache.</summary>
internal sealed class Statement(Connection connection, sqlite3_stmt handle, bool cached) : IDisposable
{
    private bool _cached = cached;

    public bool InUse { get; set; }

    public sqlite3_stmt Handle => handle;

    public Statement Bind(int index, long value)
    {
        connection.Check(raw.sqlite3_bind_int64(handle, index, value));
        return this;
    }

    public Statement Bind(int index, long? value) => value is { } number ? Bind(index, number) : this;

    public Statement Bind(int index, double value)
    {
        connection.Check(raw.sqlite3_bind_double(handle, index, value));
        return this;
    }

    /// <summary>Binds text; null stays null.</summary>
    public Statement Bind(int index, string? value)
    {
        if (value is null)
            return this;
        if (value.Length > 256)
            return BindText(index, Encoding.UTF8.GetBytes(value));
        Span<byte> buffer = stackalloc byte[value.Length * 3];
        return BindText(index, buffer[..Encoding.UTF8.GetBytes(value, buffer)]);
    }

    /// <summary>Binds UTF-8 text.</summary>
    public Statement BindText(int index, ReadOnlySpan<byte> utf8)
    {
        // An empty span has no address, which SQLite would take for NULL.
        connection.Check(utf8.IsEmpty ? raw.sqlite3_bind_text(handle, index, "") : raw.sqlite3_bind_text(handle, index, utf8));
        return this;
    }

    public Statement BindBlob(int index, ReadOnlySpan<byte> bytes)
    {
        connection.Check(bytes.IsEmpty ? raw.sqlite3_bind_zeroblob(handle, index, 0) : raw.sqlite3_bind_blob(handle, index, bytes));
        return this;
    }

    public Statement Bind(int index, JsonScalar value) => value.Value switch
    {
        string text => Bind(index, text),
        long number => Bind(index, number),
        double number => Bind(index, number),
        bool flag => Bind(index, flag ? 1L : 0L),
        _ => this,
    };

    /// <summary>Goes to the next row; false at the end.</summary>
    public bool Step()
    {
        var code = raw.sqlite3_step(handle);
        if (code == raw.SQLITE_ROW)
            return true;
        if (code != raw.SQLITE_DONE)
            connection.Check(code);
        return false;
    }

    /// <summary>Makes the statement ready for the next set of parameters.</summary>
    public void Reset()
    {
        _ = raw.sqlite3_reset(handle);
        _ = raw.sqlite3_clear_bindings(handle);
    }

    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    public long Integer(int column) => raw.sqlite3_column_int64(handle, column);

    public string? Text(int column) => IsNull(column) ? null : raw.sqlite3_column_text(handle, column).utf8_to_string();

    /// <summary>A copy of the bytes of a text or blob.</summary>
    public byte[] Bytes(int column) => raw.sqlite3_column_blob(handle, column).ToArray();

    public JsonScalar Scalar(int column) => raw.sqlite3_column_type(handle, column) switch
    {
        raw.SQLITE_INTEGER => JsonScalar.From(Integer(column)),
        raw.SQLITE_FLOAT => JsonScalar.From(raw.sqlite3_column_double(handle, column)),
        raw.SQLITE_TEXT => JsonScalar.From(Text(column)),
        _ => JsonScalar.Null,
    };

    public void Dispose()
    {
        if (!InUse)
            return;
        InUse = false;
        if (_cached)
            Reset();
        else
            handle.Dispose();
    }

    /// <summary>Leaves the cache; closed now, or when its user gives it back.</summary>
    internal void Forget()
    {
        _cached = false;
        if (!InUse)
            handle.Dispose();
    }
}
