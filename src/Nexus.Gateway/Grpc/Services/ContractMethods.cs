using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Grpc.Calls;
using Nexus.Gateway.Grpc.Schema;

namespace Nexus.Gateway.Grpc.Services;

/// <summary>Services that plugins provide by a contract. A contract is known by its methods' names; arguments and results are JSON values, in the order of the method's parameters.</summary>
internal sealed class ContractMethods
{
    /// <summary>Permission that a caller needs.</summary>
    public const string Permission = "platform.services:call";

    private readonly IServiceProvider host;
    private readonly ProtoMessage request;
    private readonly ProtoMessage answer;

    public ContractMethods(IServiceProvider host)
    {
        this.host = host;
        request = File.Message("ServiceRequest", "A call.").Add("arguments", 1, WellKnown.Value, "In the order of the method's parameters.", repeated: true).Add("implementation", 2, ProtoKind.Text, "Which implementation; the bound one when empty.");
        answer = File.Message("ServiceResponse", "What a call returned.").Add("result", 1, WellKnown.Value, "Absent where the method returns nothing.");
    }

    /// <summary>The file of the messages that all of them share.</summary>
    public ProtoFile File { get; } = new("nexus/v1/services.proto", "nexus.v1", WellKnown.StructFile) { Comment = "Calls of services that plugins provide." };

    /// <summary>Draws the service of a contract.</summary>
    public void Draw(ProtoFile to, string name, string contract, ImmutableArray<string> methods)
    {
        var service = to.Service(name, $"The contract {contract}. Needs the permission {Permission}.");
        foreach (var method in methods.Distinct())
            service.Add(ProtoNames.Pascal(method), request, answer, call => CallAsync(call, contract, method));
    }

    private async Task CallAsync(GrpcCall call, string contract, string method)
    {
        var sent = await call.ReadOneAsync();
        var decision = await host.GetRequiredService<IAuthorization>().DecideAsync(call.Caller, Permission, call.Stop);
        if (decision.Scope == AccessScope.None)
            throw decision.Refusal(call.Caller, Permission);
        var registry = host.GetService<IServiceRegistry>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no services.");
        ReadOnlyMemory<byte> arguments = sent.TryGetProperty("arguments", out var given) ? JsonMarshal.GetRawUtf8Value(given).ToArray() : "[]"u8.ToArray();
        var implementation = sent.TryGetProperty("implementation", out var named) && named.GetString() is { Length: > 0 } name ? name : null;
        var result = await registry.CallAsync(new ServiceRequest(contract, implementation, method, arguments), call.Stop);
        await call.WriteAsync(json =>
        {
            json.WriteStartObject();
            if (!result.IsEmpty)
            {
                json.WritePropertyName("result");
                json.WriteRawValue(result.Span);
            }
            json.WriteEndObject();
        });
    }
}
