using System.Globalization;

namespace Nexus.Data.Protection.Pkcs11;

/// <summary>Where a token is and which of its keys wraps.</summary>
/// <param name="Library">Path of the library of its maker.</param>
/// <param name="Token">Label of the token.</param>
/// <param name="Label">Label of the key; newer ones are called <c>{label}.2</c>, <c>{label}.3</c>, …, and the highest wraps.</param>
/// <param name="Pin">The user's PIN.</param>
internal sealed record TokenOptions(string Library, string Token, string Label, string Pin);

/// <summary>Master keys that never leave a hardware or software token with the interface of PKCS#11: AES-256-GCM inside of it, with the place of a key as associated data.</summary>
internal sealed class TokenMasterKey : IMasterKey, IDisposable
{
    private const string Prefix = "pkcs11:";
    private const int KeySize = 32;

    private readonly TokenOptions _options;
    private readonly Token _token;
    private volatile string _current;

    private TokenMasterKey(TokenOptions options, Token token, string current) => (_options, _token, _current) = (options, token, current);

    public string Id => Prefix + _current;

    /// <summary>Signs in and finds the key; when there is none, makes one where <paramref name="mayCreate"/> allows.</summary>
    /// <exception cref="NexusException"><c>PROTECTION_FAILED</c> with the cause and the way out.</exception>
    public static TokenMasterKey Open(TokenOptions options, bool mayCreate, Action<string> warn)
    {
        Token? token = null;
        try
        {
            token = new Token(Cryptoki.Load(options.Library), options.Token, options.Pin);
            var current = Newest(token, options.Label);
            if (current is null)
            {
                if (!mayCreate)
                    throw new NexusException(ErrorCodes.ProtectionFailed, $"The token {options.Token} has no AES key called {options.Label} (encryption.pkcs11.label). Make one: pkcs11-tool --module {options.Library} --token-label {options.Token} --login --keygen --key-type AES:32 --label {options.Label}");
                token.Make(current = options.Label);
                warn($"made the master key {options.Label} in the token {options.Token}; without it no protected field can be read: back the token up");
            }

            var master = new TokenMasterKey(options, token, current);
            master.KeyOf(current);
            return master;
        }
        catch (Exception e) when (e is NexusException or TokenError)
        {
            token?.Dispose();
            throw e is TokenError error ? Failed(options, error) : e;
        }
    }

    public ValueTask<byte[]> WrapAsync(byte[] key, byte[] place, CancellationToken cancellationToken) => RunAsync(() => _token.Seal(KeyOf(_current), key, place), cancellationToken);

    public ValueTask<byte[]> UnwrapAsync(string id, byte[] wrapped, byte[] place, CancellationToken cancellationToken) => RunAsync(() =>
    {
        var label = id.StartsWith(Prefix, StringComparison.Ordinal) ? id[Prefix.Length..] : id;
        var key = KeyOf(label);
        try
        {
            return _token.Open(key, wrapped, place);
        }
        catch (Exception e) when (e is TokenError { IsAltered: true } or ArgumentOutOfRangeException or OverflowException)
        {
            throw new NexusException(ErrorCodes.ProtectionFailed, $"The key {label} of the token {_options.Token} does not open a tenant's key: the stored key was altered or moved.", e);
        }
    }, cancellationToken);

    public async ValueTask RotateAsync(CancellationToken cancellationToken) => await RunAsync(() =>
    {
        var number = _token.Keys().Max(k => NumberOf(k.Label, _options.Label)) + 1;
        var label = number == 1 ? _options.Label : string.Create(CultureInfo.InvariantCulture, $"{_options.Label}.{number}");
        _token.Make(label);
        return _current = label;
    }, cancellationToken);

    public void Dispose() => _token.Dispose();

    private static string? Newest(Token token, string label) => token.Keys().Select(k => k.Label).Where(l => NumberOf(l, label) > 0).MaxBy(l => NumberOf(l, label));

    /// <summary>1 for the label itself, n for <c>label.n</c>, 0 for any other.</summary>
    private static int NumberOf(string key, string label) => key == label ? 1
        : key.StartsWith(label + ".", StringComparison.Ordinal) && int.TryParse(key.AsSpan(label.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 1 ? number : 0;

    /// <summary>Asked of the token at each use, which is rare: another node may have made the key since, and a handle may not outlive a session.</summary>
    private nuint KeyOf(string label) => _token.Keys().Where(k => k.Label == label).Select(k => k.Key).ToList() switch
    {
        [var one] when _token.LengthOf(one) is null or KeySize => one,
        // A token takes such a key, and refuses its mechanism only when it is used.
        [var other] => throw new NexusException(ErrorCodes.ProtectionFailed, $"The key {label} of the token {_options.Token} has {_token.LengthOf(other)} bytes, and AES-256 takes {KeySize}. Make one inside: pkcs11-tool --module {_options.Library} --token-label {_options.Token} --login --keygen --key-type AES:{KeySize} --label … (a file that is imported is taken as it is, not as hex or base64, and softhsm2-util takes the first line up to a zero byte)."),
        [] => throw new NexusException(ErrorCodes.ProtectionFailed, $"The token {_options.Token} has no key called {label}, which wrapped a tenant's key; put it back."),
        _ => throw new NexusException(ErrorCodes.ProtectionFailed, $"The token {_options.Token} has more than one key called {label}, and which of them wrapped what cannot be told; give the others another label."),
    };

    private static NexusException Failed(TokenOptions options, TokenError error) => new(ErrorCodes.ProtectionFailed, $"The token {options.Token} cannot be used: {error.Message}.", error);

    /// <summary>A token may be a device or a network away: its calls block a thread of the pool and not the caller's.</summary>
    private async ValueTask<TResult> RunAsync<TResult>(Func<TResult> work, CancellationToken cancellationToken)
    {
        try
        {
            return await Task.Run(work, cancellationToken);
        }
        catch (TokenError e)
        {
            throw Failed(_options, e);
        }
    }
}
