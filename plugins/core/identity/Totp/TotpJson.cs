using System.Text.Json.Serialization;

namespace Nexus.Core.Identity.Totp;

/// <summary>Compile-time JSON of what is stored and sent.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(StoredSecondFactor))]
internal sealed partial class TotpJson : JsonSerializerContext;
