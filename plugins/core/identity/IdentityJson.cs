using System.Text.Json.Serialization;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Http;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity;

/// <summary>Compile-time JSON of what is stored and sent.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(User))]
[JsonSerializable(typeof(UserTold))]
[JsonSerializable(typeof(SignInSession))]
[JsonSerializable(typeof(LoginRequest))]
[JsonSerializable(typeof(TokenView))]
[JsonSerializable(typeof(UserView))]
[JsonSerializable(typeof(Role))]
[JsonSerializable(typeof(Group))]
[JsonSerializable(typeof(ResourcePolicy))]
[JsonSerializable(typeof(Tenant))]
internal sealed partial class IdentityJson : JsonSerializerContext;
