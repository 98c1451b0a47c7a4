using System.Collections.Immutable;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Nexus;

/// <summary>Binds a section to a type. The framework's binder stops at its first error; this one sets the value aside that it complains of and binds again, until it has them all.</summary>
internal sealed partial class OptionsBinding<T>(IConfiguration configuration) : IOptionsFactory<T>
    where T : class
{
    /// <summary>A key that no type has: without any key the binder would return null instead of a value with all its defaults.</summary>
    private const string Anything = "_";

    private T? _lastGood;

    public T Create(string name)
    {
        var (value, errors) = Read();
        if (errors.IsEmpty)
            _lastGood = value;
        return _lastGood ?? throw new NexusException(ErrorCodes.PluginConfigurationError, $"The options {typeof(T).Name} are not valid: {string.Join("; ", errors.Select(error => $"{error.Pointer}: {error.Message}"))}") { Errors = errors };
    }

    [SuppressMessage("Trimming", "IL2026", Justification = "Nexus is not trimmed: plugins are loaded at run time.")]
    public (T? Value, ImmutableArray<FieldError> Errors) Read()
    {
        var errors = ImmutableArray.CreateBuilder<FieldError>();
        var values = configuration.AsEnumerable(makePathsRelative: true).Where(pair => pair.Value is not null).ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.OrdinalIgnoreCase);
        values[Anything] = "";
        while (true)
        {
            try
            {
                var value = new ConfigurationBuilder().AddInMemoryCollection(values).Build().Get<T>()!;
                errors.AddRange(Broken(value).Where(broken => errors.All(known => known.Pointer != broken.Pointer)));
                return (errors.Count == 0 ? value : null, errors.ToImmutable());
            }
            catch (InvalidOperationException error)
            {
                var (found, retry) = Explain(error, values);
                errors.Add(found);
                if (!retry)
                    return (null, errors.ToImmutable());
            }
        }
    }

    private (FieldError Error, bool Retry) Explain(InvalidOperationException error, Dictionary<string, string?> values)
    {
        var wrong = Unconvertible().Match(error.Message);
        if (wrong.Success && values.Keys.FirstOrDefault(key => key.Equals(wrong.Groups["key"].Value, StringComparison.OrdinalIgnoreCase)) is { } written)
        {
            values.Remove(written, out var text);
            return (new(Key(written), "type", $"\"{text}\" is not {Article(wrong.Groups["type"].Value)}."), true);
        }
        if (Unmatched().Match(error.Message) is { Success: true } missing)
            return (new(Key(CamelCase(missing.Groups["name"].Value)), "required", "The setting is required."), false);
        return (new(Key(""), "invalid", error.Message), false);
    }

    private IEnumerable<FieldError> Broken(T value)
    {
        var results = new List<ValidationResult>();
        Validator.TryValidateObject(value, new ValidationContext(value), results, validateAllProperties: true);
        return results.SelectMany(result => result.MemberNames.DefaultIfEmpty(""), (result, member) => new FieldError(Key(CamelCase(member)), "invalid", result.ErrorMessage ?? "The value is not allowed."));
    }

    /// <summary>The whole key, as an operator writes it: <c>plugins:shop:mail:port</c>.</summary>
    private string Key(string relative) =>
        string.Join(':', new[] { (configuration as IConfigurationSection)?.Path ?? "", relative }.Where(part => part.Length > 0));

    private static string CamelCase(string name) => JsonNamingPolicy.CamelCase.ConvertName(name);

    private static string Article(string type) => type switch
    {
        "System.Boolean" => "true or false",
        "System.Int16" or "System.Int32" or "System.Int64" or "System.Byte" => "a whole number in range",
        "System.Decimal" or "System.Double" or "System.Single" => "a number",
        "System.TimeSpan" => "a duration such as 00:05:00",
        _ when Type.GetType(type) is null && typeof(T).Assembly.GetType(type) is { IsEnum: true } choice => $"one of {string.Join(", ", Enum.GetNames(choice))}",
        _ => $"a {type[(type.LastIndexOf('.') + 1)..]}",
    };

    [GeneratedRegex("at '(?<key>[^']+)' to type '(?<type>[^']+)'", RegexOptions.CultureInvariant)]
    private static partial Regex Unconvertible();

    [GeneratedRegex("parameter '(?<name>[^']+)' has no matching config", RegexOptions.CultureInvariant)]
    private static partial Regex Unmatched();
}
