using System.Runtime.InteropServices;

namespace Nexus.Data.Protection.Pkcs11;

/// <summary>An attribute of an object (<c>CK_ATTRIBUTE</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TokenAttribute
{
    public nuint Kind;
    public nint Value;
    public nuint Length;
}

/// <summary>A mechanism with its parameters (<c>CK_MECHANISM</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TokenMechanism
{
    public nuint Kind;
    public nint Parameter;
    public nuint ParameterLength;
}

/// <summary>Parameters of AES-GCM (<c>CK_GCM_PARAMS</c> of version 2.40).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct GcmParameters
{
    public nint Nonce;
    public nuint NonceLength;
    public nuint NonceBits;
    public nint Associated;
    public nuint AssociatedLength;
    public nuint TagBits;
}

/// <summary>A library with the C interface of PKCS#11 2.40 (http://docs.oasis-open.org/pkcs11/pkcs11-base/v2.40/), reached by the function list that it gives out. The layout is that of 64-bit Unix, where <c>CK_ULONG</c> has the size of a pointer.</summary>
internal sealed class Cryptoki
{
    /// <summary>Where the pointers begin: behind a version of two bytes.</summary>
    private const int ListHead = 8;
    private const int InitializeArguments = 48;
    private const int FlagsOffset = 32;
    private const byte OsLocking = 2;

    private readonly nint _list;

    private Cryptoki(nint list)
    {
        _list = list;
        // Places are those of CK_FUNCTION_LIST in pkcs11f.h.
        Initialize = At<OneAddress>(0);
        GetSlots = At<SlotList>(4);
        GetToken = At<IdAndAddress>(6);
        OpenSession = At<Open>(12);
        CloseSession = At<OneId>(13);
        Login = At<LoginCall>(18);
        GetAttributes = At<Attributes>(24);
        FindInit = At<Wanted>(26);
        Find = At<FindCall>(27);
        FindFinal = At<OneId>(28);
        EncryptInit = At<CipherInit>(29);
        Encrypt = At<Cipher>(30);
        DecryptInit = At<CipherInit>(33);
        Decrypt = At<Cipher>(34);
        GenerateKey = At<Generate>(58);
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint OneAddress(nint address);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint OneId(nuint id);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint IdAndAddress(nuint id, nint address);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint SlotList(byte withToken, [In, Out] nuint[]? slots, ref nuint count);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint Open(nuint slot, nuint flags, nint application, nint notify, out nuint session);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint LoginCall(nuint session, nuint user, byte[] pin, nuint length);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint Attributes(nuint session, nuint key, [In, Out] TokenAttribute[] attributes, nuint count);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint Wanted(nuint session, TokenAttribute[] attributes, nuint count);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint FindCall(nuint session, [In, Out] nuint[] found, nuint most, out nuint count);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint CipherInit(nuint session, ref TokenMechanism mechanism, nuint key);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint Cipher(nuint session, nint input, nuint length, nint output, ref nuint outputLength);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nuint Generate(nuint session, ref TokenMechanism mechanism, TokenAttribute[] attributes, nuint count, out nuint key);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate nuint FunctionList(out nint list);

    public SlotList GetSlots { get; }

    public IdAndAddress GetToken { get; }

    public Open OpenSession { get; }

    public OneId CloseSession { get; }

    public LoginCall Login { get; }

    public Attributes GetAttributes { get; }

    public Wanted FindInit { get; }

    public FindCall Find { get; }

    public OneId FindFinal { get; }

    public CipherInit EncryptInit { get; }

    public Cipher Encrypt { get; }

    public CipherInit DecryptInit { get; }

    public Cipher Decrypt { get; }

    public Generate GenerateKey { get; }

    private OneAddress Initialize { get; }

    /// <summary>Loads a library and initialises it for calls from several threads. It stays loaded: another part of the process may use it too.</summary>
    /// <exception cref="NexusException"><c>PROTECTION_FAILED</c>: there is none at the path, or it does not begin.</exception>
    public static Cryptoki Load(string path)
    {
        if (OperatingSystem.IsWindows() || !Environment.Is64BitProcess)
            throw new NexusException(ErrorCodes.ProtectionFailed, "encryption.provider pkcs11 works on 64-bit Linux and macOS only; name a file or a key service instead.");
        if (!NativeLibrary.TryLoad(path, out var library) || !NativeLibrary.TryGetExport(library, "C_GetFunctionList", out var entry))
            throw new NexusException(ErrorCodes.ProtectionFailed, $"encryption.pkcs11.library {path} is not a PKCS#11 library that can be loaded here.");
        TokenError.Check(Marshal.GetDelegateForFunctionPointer<FunctionList>(entry)(out var list), "C_GetFunctionList");
        var cryptoki = new Cryptoki(list);
        var arguments = GC.AllocateArray<byte>(InitializeArguments, pinned: true);
        arguments[FlagsOffset] = OsLocking;
        var result = cryptoki.Initialize(Marshal.UnsafeAddrOfPinnedArrayElement(arguments, 0));
        GC.KeepAlive(arguments);
        if (result != TokenError.AlreadyInitialized)
            TokenError.Check(result, "C_Initialize");
        return cryptoki;
    }

    private TDelegate At<TDelegate>(int place) => Marshal.GetDelegateForFunctionPointer<TDelegate>(Marshal.ReadIntPtr(_list, ListHead + (place * nint.Size)));
}
