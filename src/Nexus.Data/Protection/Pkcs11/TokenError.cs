namespace Nexus.Data.Protection.Pkcs11;

/// <summary>A return value of a token other than success.</summary>
internal sealed class TokenError(nuint code, string call) : Exception($"{call} answered {NameOf(code)}")
{
    /// <summary><c>CKR_CRYPTOKI_ALREADY_INITIALIZED</c>.</summary>
    public const nuint AlreadyInitialized = 0x191;

    /// <summary><c>CKR_USER_ALREADY_LOGGED_IN</c>.</summary>
    public const nuint AlreadyLoggedIn = 0x100;

    /// <summary>Whether the connection to the token was lost, so that a new session may help: a token that was unplugged, a network module that restarted.</summary>
    public bool IsLost => code is 0x30 or 0x32 or 0xB0 or 0xB3 or 0xE0 or 0xE1 or 0x101;

    /// <summary>Whether what was to be decrypted is not what was encrypted.</summary>
    public bool IsAltered => code is 0x05 or 0x40 or 0x41;

    public static void Check(nuint code, string call)
    {
        if (code != 0)
            throw new TokenError(code, call);
    }

    private static string NameOf(nuint code) => code switch
    {
        0x05 => "CKR_GENERAL_ERROR",
        0x30 => "CKR_DEVICE_ERROR",
        0x32 => "CKR_DEVICE_REMOVED",
        0x40 => "CKR_ENCRYPTED_DATA_INVALID",
        0x41 => "CKR_ENCRYPTED_DATA_LEN_RANGE",
        0x63 => "CKR_KEY_TYPE_INCONSISTENT",
        0x68 => "CKR_KEY_FUNCTION_NOT_PERMITTED",
        0x70 => "CKR_MECHANISM_INVALID",
        0x71 => "CKR_MECHANISM_PARAM_INVALID",
        0xA0 => "CKR_PIN_INCORRECT",
        0xA4 => "CKR_PIN_LOCKED",
        0xB3 => "CKR_SESSION_HANDLE_INVALID",
        0xE0 => "CKR_TOKEN_NOT_PRESENT",
        0xE2 => "CKR_TOKEN_WRITE_PROTECTED",
        0x101 => "CKR_USER_NOT_LOGGED_IN",
        _ => $"0x{(ulong)code:x}",
    };
}
