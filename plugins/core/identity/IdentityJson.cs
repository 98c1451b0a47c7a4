using System.Text.Json.Serialization;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.ApiKeys;
using Nexus.Core.Identity.Http;
using Nexus.Core.Identity.Mail;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity;

/// <summary>Compile-time JSON of what is stored and sent.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(User))]
[JsonSerializable(typeof(UserTold))]
[JsonSerializable(typeof(System.Text.Json.Nodes.JsonObject))]
[JsonSerializable(typeof(SignInSession))]
[JsonSerializable(typeof(ApiKey))]
[JsonSerializable(typeof(Role))]
[JsonSerializable(typeof(Group))]
[JsonSerializable(typeof(ResourcePolicy))]
[JsonSerializable(typeof(Tenant))]
[JsonSerializable(typeof(MailTicket))]
[JsonSerializable(typeof(Letter))]
[JsonSerializable(typeof(TokenView))]
[JsonSerializable(typeof(StatusView))]
[JsonSerializable(typeof(CheckView))]
[JsonSerializable(typeof(RolesView))]
[JsonSerializable(typeof(EndedView))]
[JsonSerializable(typeof(MessageView))]
[JsonSerializable(typeof(PasswordRulesView))]
[JsonSerializable(typeof(ListView<UserView>))]
[JsonSerializable(typeof(ListView<SessionView>))]
[JsonSerializable(typeof(ListView<KeyView>))]
[JsonSerializable(typeof(ListView<RoleView>))]
[JsonSerializable(typeof(ListView<GroupView>))]
[JsonSerializable(typeof(ListView<ResourcePolicy>))]
[JsonSerializable(typeof(ListView<Tenant>))]
[JsonSerializable(typeof(ListView<DeadLetter>))]
internal sealed partial class IdentityJson : JsonSerializerContext;
