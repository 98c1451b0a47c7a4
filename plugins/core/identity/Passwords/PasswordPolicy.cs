using System.Collections.Frozen;
using System.Collections.Immutable;
using System.ComponentModel.DataAnnotations;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.Passwords;

/// <summary>What a password must be, section <c>plugins:core.identity:password</c>.</summary>
internal sealed class PasswordOptions
{
    /// <summary>Least number of characters.</summary>
    [Range(8, 128)]
    public int MinimumLength { get; set; } = 8;

    /// <summary>How many of the four classes (small letters, capital letters, digits, others) a password must have that is shorter than <see cref="PassphraseLength"/>.</summary>
    [Range(1, 4)]
    public int Classes { get; set; } = 3;

    /// <summary>From this length on the classes do not matter.</summary>
    [Range(8, 128)]
    public int PassphraseLength { get; set; } = 16;

    /// <summary>Earlier passwords that may not be used again.</summary>
    [Range(0, 24)]
    public int History { get; set; } = 5;

    /// <summary>Wrong tries after which an account is locked.</summary>
    [Range(1, 100)]
    public int Attempts { get; set; } = 5;

    /// <summary>How long an account stays locked, and how long wrong tries count.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "7.00:00:00")]
    public TimeSpan Lockout { get; set; } = TimeSpan.FromMinutes(15);
}

/// <summary>Tells what is wrong with a new password, everything at once.</summary>
internal sealed class PasswordPolicy(PasswordOptions options)
{
    /// <summary>Longest password that is taken: longer ones would only make work.</summary>
    public const int MaximumLength = 256;

    private static readonly FrozenSet<string> Common = new[]
    {
        "password", "password1", "password12", "password123", "password1!", "passw0rd", "p@ssw0rd", "p@ssword1", "12345678", "123456789", "1234567890", "qwertyuiop", "qwerty123", "qwerty12", "1q2w3e4r", "1q2w3e4r5t",
        "1qaz2wsx", "admin123", "admin1234", "administrator", "welcome1", "welcome123", "letmein123", "iloveyou1", "changeme", "changeme1", "changeme123", "abcd1234", "abc12345", "abc123456", "football1", "baseball1",
        "sunshine1", "princess1", "superman1", "trustno1", "starwars1", "whatever1", "computer1", "internet1", "default1", "secret123", "test1234", "testtest1", "zaq12wsx", "asdf1234", "asdfghjkl", "11111111", "00000000", "87654321",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The policy, for those who must satisfy it.</summary>
    public PasswordOptions Options => options;

    /// <summary>Every rule that a password breaks; empty when it is good.</summary>
    public ImmutableArray<FieldError> Check(string? password, string userName, string? email, string pointer)
    {
        if (string.IsNullOrEmpty(password)) return [new FieldError(pointer, "required", "A password is needed.")];
        var errors = ImmutableArray.CreateBuilder<FieldError>();
        if (password.Length < options.MinimumLength) errors.Add(new FieldError(pointer, "min_length", $"At least {options.MinimumLength} characters."));
        if (password.Length > MaximumLength) errors.Add(new FieldError(pointer, "max_length", $"At most {MaximumLength} characters."));
        if (password.Length < options.PassphraseLength && Classes(password) < options.Classes)
            errors.Add(new FieldError(pointer, "classes", $"At least {options.Classes} of: small letters, capital letters, digits, other characters; or at least {options.PassphraseLength} characters of any kind."));
        if (Names.Key(password) is not { } key) errors.Add(new FieldError(pointer, "form", "A password is Unicode text."));
        else if (Common.Contains(key)) errors.Add(new FieldError(pointer, "common", "This password is among the first that anybody tries."));
        else if (Holds(key, userName) || Holds(key, email?.Split('@')[0])) errors.Add(new FieldError(pointer, "contains_name", "The password may not contain the name or the address."));
        if (password.Distinct().Count() < 4) errors.Add(new FieldError(pointer, "repetition", "At least 4 different characters."));
        return errors.ToImmutable();
    }

    private static bool Holds(string password, string? name) => Names.Key(name) is { Length: >= 4 } key && password.Contains(key, StringComparison.Ordinal);

    private static int Classes(string password) =>
        (password.Any(char.IsLower) ? 1 : 0) + (password.Any(char.IsUpper) ? 1 : 0) + (password.Any(char.IsDigit) ? 1 : 0) + (password.Any(c => !char.IsLetterOrDigit(c)) ? 1 : 0);
}
