using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Nexus.Data.Protection;

/// <summary>Master keys in files that only their owner may read: <c>master.key</c> wraps, <c>master.{id}.key</c> are older ones. Each is 32 random bytes, base64.</summary>
internal sealed class FileMasterKey : IMasterKey
{
    private const int KeySize = 32;
    private const int NonceSize = 12;
    private const int TagSize = 16;

    private readonly string _path;
    private readonly ConcurrentDictionary<string, byte[]> _keys = new(StringComparer.Ordinal);
    private volatile string _current = "";

    private FileMasterKey(string path) => _path = path;

    public string Id => _current;

    /// <summary>Reads the keys; when there is none, makes one where <paramref name="mayCreate"/> allows.</summary>
    public static FileMasterKey Open(string path, bool mayCreate, Action<string> warn)
    {
        var master = new FileMasterKey(path);
        if (!File.Exists(path))
        {
            if (!mayCreate)
                throw new NexusException(ErrorCodes.ProtectionFailed, $"There is no master key at {path}. In production name one with encryption.file (32 random bytes, base64: 'openssl rand -base64 32'), readable by the node alone.");
            Write(path, RandomNumberGenerator.GetBytes(KeySize));
            warn($"made the master key {path}; whoever has it and the database reads every protected field: keep a copy elsewhere, and name a key of your own in production");
        }

        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, Path.GetFileNameWithoutExtension(path) + ".*" + Path.GetExtension(path)))
            master.Load(file);
        master._current = master.Load(path);
        return master;
    }

    public ValueTask<byte[]> WrapAsync(byte[] key, byte[] place, CancellationToken cancellationToken)
    {
        var wrapped = new byte[NonceSize + key.Length + TagSize];
        RandomNumberGenerator.Fill(wrapped.AsSpan(0, NonceSize));
        using var cipher = new AesGcm(_keys[_current], TagSize);
        cipher.Encrypt(wrapped.AsSpan(0, NonceSize), key, wrapped.AsSpan(NonceSize, key.Length), wrapped.AsSpan(NonceSize + key.Length), place);
        return ValueTask.FromResult(wrapped);
    }

    public ValueTask<byte[]> UnwrapAsync(string id, byte[] wrapped, byte[] place, CancellationToken cancellationToken)
    {
        if (!_keys.TryGetValue(id, out var master))
            throw new NexusException(ErrorCodes.ProtectionFailed, $"The master key {id} is not beside {_path}; put its file back as master.*.key.");
        try
        {
            var key = GC.AllocateUninitializedArray<byte>(wrapped.Length - NonceSize - TagSize, pinned: true);
            using var cipher = new AesGcm(master, TagSize);
            cipher.Decrypt(wrapped.AsSpan(0, NonceSize), wrapped.AsSpan(NonceSize, key.Length), wrapped.AsSpan(NonceSize + key.Length), key, place);
            return ValueTask.FromResult(key);
        }
        catch (Exception e) when (e is CryptographicException or OverflowException)
        {
            throw new NexusException(ErrorCodes.ProtectionFailed, $"The master key {id} does not open a tenant's key: the stored key was altered or moved.", e);
        }
    }

    public ValueTask RotateAsync(CancellationToken cancellationToken)
    {
        // The old key is put aside before the new one takes its name: at no moment is a key only in memory.
        var old = Path.ChangeExtension(_path, null) + "." + _current[5..] + Path.GetExtension(_path);
        if (!File.Exists(old))
            Write(old, _keys[_current]);
        var key = RandomNumberGenerator.GetBytes(KeySize);
        var fresh = _path + ".new";
        File.Delete(fresh);
        Write(fresh, key);
        File.Move(fresh, _path, overwrite: true);
        _current = Load(_path);
        return ValueTask.CompletedTask;
    }

    private static void Write(string path, byte[] key)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var file = new FileStream(path, options);
        file.Write(System.Text.Encoding.ASCII.GetBytes(Convert.ToBase64String(key) + "\n"));
        file.Flush(flushToDisk: true);
    }

    private string Load(string path)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & (UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) != 0)
            throw new NexusException(ErrorCodes.ProtectionFailed, $"The master key {path} can be read by others than its owner: chmod 600 {path}");
        var key = GC.AllocateUninitializedArray<byte>(KeySize, pinned: true);
        if (!Convert.TryFromBase64String(File.ReadAllText(path).Trim(), key, out var length) || length != KeySize)
            throw new NexusException(ErrorCodes.ProtectionFailed, $"The master key {path} is not 32 bytes as base64.");
        var id = "file:" + Convert.ToHexStringLower(SHA256.HashData([.. "nexus master key id\0"u8, .. key])[..8]);
        _keys.TryAdd(id, key);
        return id;
    }
}
