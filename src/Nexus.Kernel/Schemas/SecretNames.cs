namespace Nexus.Kernel.Schemas;

/// <summary>Which keys hold secrets by their name alone.</summary>
internal static class SecretNames
{
    private static readonly string[] Words = ["password", "secret", "key", "token"];

    public static bool Matches(string name) => Words.Any(w => name.Contains(w, StringComparison.OrdinalIgnoreCase));
}
