using System.Text.Json.Serialization;

namespace Nexus.Core.Identity.OpenId;

/// <summary>Compile-time JSON of what is stored and sent.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(Client))]
[JsonSerializable(typeof(ClientRequest))]
[JsonSerializable(typeof(ClientList))]
[JsonSerializable(typeof(Consent))]
[JsonSerializable(typeof(AuthorizationRequest))]
[JsonSerializable(typeof(BrowserSignIn))]
[JsonSerializable(typeof(Transaction))]
[JsonSerializable(typeof(StoredCode))]
[JsonSerializable(typeof(PendingSignOut))]
[JsonSerializable(typeof(string))]
internal sealed partial class OpenIdJson : JsonSerializerContext;
