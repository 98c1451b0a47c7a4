using System.Text.Json.Serialization;

namespace Nexus.Core.Identity.Passkeys;

/// <summary>Compile-time JSON of what is stored and sent.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredPasskey))]
[JsonSerializable(typeof(PendingPasskey))]
[JsonSerializable(typeof(PasskeyOptions))]
[JsonSerializable(typeof(PasskeyAnswer))]
[JsonSerializable(typeof(PasskeyView))]
[JsonSerializable(typeof(PasskeyList))]
[JsonSerializable(typeof(string))]
internal sealed partial class PasskeyJson : JsonSerializerContext;
