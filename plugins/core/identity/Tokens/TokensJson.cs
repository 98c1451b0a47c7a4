using System.Text.Json.Serialization;

namespace Nexus.Core.Identity.Tokens;

/// <summary>Compile-time JSON of what is stored.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredRing))]
[JsonSerializable(typeof(long))]
internal sealed partial class TokensJson : JsonSerializerContext;
