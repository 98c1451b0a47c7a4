using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Security.Keys;

/// <summary>The keys of field protection for operators: what there is, and new ones.</summary>
internal sealed class KeyRoutes(IServiceProvider host, RequestBody bodies, TimeProvider time) : IPlatformRoutes
{
    private const string Root = "/api/v1/security/keys";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", Root, "listKeys", "Keys of field protection, never their bytes", "platform.security:read", ListAsync) { Answer = Answer.Of<StoredKey[]>() },
        new("GET", Root + "/reencryption", "listReencryption", "How far the fields of tenants have come to their present keys", "platform.security:read", ReencryptionAsync) { Answer = Answer.Of<ReencryptionProgress[]>() },
        new("POST", Root + "/rotate", "rotateKeys", "Make a new data key of a tenant, or a new master key; older values stay readable and are encrypted again behind the requests", "platform.security:update", RotateAsync)
        {
            Input = """{"type":"object","properties":{"tenant":{"type":"string"},"master":{"type":"boolean"},"rewrap":{"type":"boolean"}}}""",
            Answer = Answer.Written("KeysRotated", """{"type":"object","properties":{"tenant":{"type":"string"},"key":{"type":"integer"},"rewrapped":{"type":"integer"}}}"""),
        },
    ];

    private IKeyRotation Keys => host.GetService<IKeyRotation>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host protects no fields.");

    private async Task ListAsync(HttpContext context) => await JsonAnswer.SendAsync(context, await Keys.ListAsync(context.RequestAborted));

    private async Task ReencryptionAsync(HttpContext context) =>
        await JsonAnswer.SendAsync(context, host.GetService<IFieldReencryption>() is { } running ? await running.ListAsync(context.RequestAborted) : []);

    private async Task RotateAsync(HttpContext context)
    {
        var bytes = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        var body = bytes.IsEmpty ? [] : JsonNode.Parse(bytes.Span) as JsonObject ?? throw new NexusException(ErrorCodes.BadRequest, """The body is an object such as {"tenant":"default"} or {"master":true}.""");
        var answer = new JsonObject();
        // Begun, it is carried through: a key that is stored counts, whether or not the caller still waits.
        if (body["master"]?.GetValueKind() == JsonValueKind.True)
            answer["rewrapped"] = await Keys.RotateMasterAsync(CancellationToken.None);
        else if (body["rewrap"]?.GetValueKind() == JsonValueKind.True)
            answer["rewrapped"] = await Keys.RewrapAsync(CancellationToken.None);
        else
            await RotateTenantAsync(body, answer);
        if (host.GetService<IAuditTrail>() is { } trail)
            await trail.RecordAsync(AuditEntry.For(CallContext.Current, time.GetUtcNow(), "platform.security.keys_rotated", "keys", AuditResult.Success, JsonSerializer.SerializeToUtf8Bytes(answer)), CancellationToken.None);
        await JsonAnswer.SendAsync(context, answer);
    }

    private async Task RotateTenantAsync(JsonObject body, JsonObject answer)
    {
        var tenant = body["tenant"]?.GetValueKind() == JsonValueKind.String ? (string)body["tenant"]! : CallContext.Current.Tenant;
        answer["tenant"] = tenant;
        answer["key"] = await Keys.RotateAsync(tenant, CancellationToken.None);
    }
}
