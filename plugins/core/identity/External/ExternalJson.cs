using System.Text.Json.Serialization;

namespace Nexus.Core.Identity.External;

/// <summary>Compile-time JSON of what is stored and sent.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PendingSignIn))]
[JsonSerializable(typeof(ExternalLink))]
[JsonSerializable(typeof(ProviderList))]
internal sealed partial class ExternalJson : JsonSerializerContext;
