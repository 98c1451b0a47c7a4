using System.Text.Json.Serialization;

namespace Nexus.Core.Identity.Totp;

/// <summary>Compile-time JSON of what is stored and sent.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(StoredSecondFactor))]
[JsonSerializable(typeof(PendingFactor))]
[JsonSerializable(typeof(TwoFactorProblem))]
[JsonSerializable(typeof(TwoFactorState))]
[JsonSerializable(typeof(TwoFactorSecret))]
[JsonSerializable(typeof(CodeRequest))]
[JsonSerializable(typeof(ChallengeRequest))]
[JsonSerializable(typeof(BackupCodes))]
internal sealed partial class TotpJson : JsonSerializerContext;
