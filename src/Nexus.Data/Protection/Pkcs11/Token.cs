using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Data.Protection.Pkcs11;

/// <summary>A token and a session with it. One call at a time; the keys stay inside.</summary>
internal sealed class Token : IDisposable
{
    private const int NonceSize = 12;
    private const int TagSize = 16;
    private const int LabelSize = 32;
    private const int MaxKeys = 256;

    private const nuint SessionFlags = 4 | 2;
    private const nuint UserLogin = 1;
    private const nuint Class = 0x00;
    private const nuint Stored = 0x01;
    private const nuint Private = 0x02;
    private const nuint Label = 0x03;
    private const nuint KeyType = 0x100;
    private const nuint Sensitive = 0x103;
    private const nuint MayEncrypt = 0x104;
    private const nuint MayDecrypt = 0x105;
    private const nuint ValueLength = 0x161;
    private const nuint Extractable = 0x162;
    private const nuint SecretKey = 4;
    private const nuint Aes = 0x1F;
    private const nuint AesKeyGeneration = 0x1080;
    private const nuint AesGcm = 0x1087;

    private readonly Cryptoki _library;
    private readonly string _name;
    private readonly byte[] _pin;
    private readonly Lock _gate = new();
    private nuint? _session;

    public Token(Cryptoki library, string name, string pin)
    {
        (_library, _name, _pin) = (library, name, Encoding.UTF8.GetBytes(pin));
        With(_ => 0);
    }

    /// <summary>The AES keys with their labels.</summary>
    public List<(string Label, nuint Key)> Keys() => With(session =>
    {
        using var wanted = new AttributeList().Add(Class, SecretKey).Add(KeyType, Aes);
        Check(_library.FindInit(session, wanted.Entries, (nuint)wanted.Entries.Length), "C_FindObjectsInit");
        var found = new nuint[MaxKeys];
        var result = _library.Find(session, found, MaxKeys, out var count);
        Check(_library.FindFinal(session), "C_FindObjectsFinal");
        Check(result, "C_FindObjects");
        return found.Take((int)count).Select(key => (LabelOf(session, key), key)).ToList();
    });

    /// <summary>How many bytes a key has; null where the token does not say.</summary>
    public int? LengthOf(nuint key) => With<int?>(session =>
    {
        var length = GC.AllocateArray<byte>(nint.Size, pinned: true);
        TokenAttribute[] wanted = [new() { Kind = ValueLength, Value = Marshal.UnsafeAddrOfPinnedArrayElement(length, 0), Length = (nuint)length.Length }];
        return _library.GetAttributes(session, key, wanted, 1) == 0 ? (int)BitConverter.ToUInt64(length) : null;
    });

    /// <summary>Makes an AES-256 key that never leaves the token.</summary>
    public nuint Make(string label) => With(session =>
    {
        var mechanism = new TokenMechanism { Kind = AesKeyGeneration };
        using var wanted = new AttributeList().Add(Class, SecretKey).Add(KeyType, Aes).Add(ValueLength, 32).Add(Label, Encoding.UTF8.GetBytes(label))
            .Add(Stored, true).Add(Private, true).Add(Sensitive, true).Add(Extractable, false).Add(MayEncrypt, true).Add(MayDecrypt, true);
        Check(_library.GenerateKey(session, ref mechanism, wanted.Entries, (nuint)wanted.Entries.Length, out var key), "C_GenerateKey");
        return key;
    });

    /// <summary>Encrypts with AES-GCM: nonce, cipher text, tag.</summary>
    public byte[] Seal(nuint key, byte[] value, byte[] associated) => With(session =>
    {
        var nonce = RandomNumberGenerator.GetBytes(NonceSize);
        return (byte[])[.. nonce, .. Run(session, _library.EncryptInit, _library.Encrypt, key, nonce, value, associated, value.Length + TagSize, "C_Encrypt")];
    });

    /// <summary>Decrypts what <see cref="Seal"/> made; the result lies where the collector does not copy it.</summary>
    public byte[] Open(nuint key, byte[] sealedValue, byte[] associated) => With(session =>
        Run(session, _library.DecryptInit, _library.Decrypt, key, sealedValue[..NonceSize], sealedValue[NonceSize..], associated, sealedValue.Length - NonceSize - TagSize, "C_Decrypt"));

    public void Dispose()
    {
        lock (_gate)
        {
            if (_session is { } session)
                _library.CloseSession(session);
            _session = null;
        }
    }

    private static byte[] Run(nuint session, Cryptoki.CipherInit begin, Cryptoki.Cipher finish, nuint key, byte[] nonce, byte[] value, byte[] associated, int size, string call)
    {
        using var pins = new Pins();
        var parameters = new[] { new GcmParameters { Nonce = pins.Pin(nonce), NonceLength = NonceSize, NonceBits = NonceSize * 8, Associated = pins.Pin(associated), AssociatedLength = (nuint)associated.Length, TagBits = TagSize * 8 } };
        var mechanism = new TokenMechanism { Kind = AesGcm, Parameter = pins.Pin(parameters), ParameterLength = (nuint)Marshal.SizeOf<GcmParameters>() };
        Check(begin(session, ref mechanism, key), call + "Init");
        // Some tokens ask for room for the tag also when they decrypt.
        var output = GC.AllocateArray<byte>(size + TagSize, pinned: true);
        var length = (nuint)output.Length;
        Check(finish(session, pins.Pin(value), (nuint)value.Length, Marshal.UnsafeAddrOfPinnedArrayElement(output, 0), ref length), call);
        if ((int)length != size)
            throw new TokenError(0x41, call);
        var result = GC.AllocateUninitializedArray<byte>(size, pinned: true);
        output.AsSpan(0, size).CopyTo(result);
        CryptographicOperations.ZeroMemory(output);
        return result;
    }

    private static void Check(nuint code, string call) => TokenError.Check(code, call);

    private string LabelOf(nuint session, nuint key)
    {
        var label = GC.AllocateArray<byte>(256, pinned: true);
        TokenAttribute[] wanted = [new() { Kind = Label, Value = Marshal.UnsafeAddrOfPinnedArrayElement(label, 0), Length = (nuint)label.Length }];
        Check(_library.GetAttributes(session, key, wanted, 1), "C_GetAttributeValue");
        return Encoding.UTF8.GetString(label, 0, (int)wanted[0].Length);
    }

    /// <summary>Runs with the session; when that was lost, once more with a new one.</summary>
    private TResult With<TResult>(Func<nuint, TResult> work)
    {
        lock (_gate)
        {
            try
            {
                return work(_session ??= SignIn());
            }
            catch (TokenError e) when (e.IsLost && _session is not null)
            {
                _session = null;
                return work((_session = SignIn()).Value);
            }
        }
    }

    private nuint SignIn()
    {
        Check(_library.OpenSession(Slot(), SessionFlags, 0, 0, out var session), "C_OpenSession");
        var result = _library.Login(session, UserLogin, _pin, (nuint)_pin.Length);
        if (result is not 0 and not TokenError.AlreadyLoggedIn)
        {
            _library.CloseSession(session);
            throw new NexusException(ErrorCodes.ProtectionFailed, $"The token {_name} refuses encryption.pkcs11.pin: {new TokenError(result, "C_Login").Message}. It is not tried again before the next start, because tokens lock after a few wrong ones.");
        }

        return session;
    }

    private nuint Slot()
    {
        var count = (nuint)0;
        Check(_library.GetSlots(1, null, ref count), "C_GetSlotList");
        var slots = new nuint[count];
        Check(_library.GetSlots(1, slots, ref count), "C_GetSlotList");
        var names = new List<string>();
        var details = GC.AllocateArray<byte>(512, pinned: true);
        foreach (var slot in slots.Take((int)count))
        {
            Check(_library.GetToken(slot, Marshal.UnsafeAddrOfPinnedArrayElement(details, 0)), "C_GetTokenInfo");
            var label = Encoding.UTF8.GetString(details, 0, LabelSize).TrimEnd(' ', '\0');
            if (label == _name)
                return slot;
            names.Add(label);
        }

        throw new NexusException(ErrorCodes.ProtectionFailed, $"No token is called {_name} (encryption.pkcs11.token); there are: {string.Join(", ", names.Where(n => n.Length > 0).DefaultIfEmpty("none"))}.");
    }

    /// <summary>Arrays that stay where they are during a call.</summary>
    private sealed class Pins : IDisposable
    {
        private readonly List<GCHandle> _handles = [];

        public nint Pin(Array array)
        {
            var handle = GCHandle.Alloc(array, GCHandleType.Pinned);
            _handles.Add(handle);
            return array.Length == 0 ? 0 : handle.AddrOfPinnedObject();
        }

        public void Dispose() => _handles.ForEach(h => h.Free());
    }

    private sealed class AttributeList : IDisposable
    {
        private readonly Pins _pins = new();
        private readonly List<TokenAttribute> _entries = [];

        public TokenAttribute[] Entries => [.. _entries];

        public AttributeList Add(nuint kind, nuint value) => Add(kind, BitConverter.GetBytes((ulong)value));

        public AttributeList Add(nuint kind, bool value) => Add(kind, [(byte)(value ? 1 : 0)]);

        public AttributeList Add(nuint kind, byte[] value)
        {
            _entries.Add(new TokenAttribute { Kind = kind, Value = _pins.Pin(value), Length = (nuint)value.Length });
            return this;
        }

        public void Dispose() => _pins.Dispose();
    }
}
