using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Plugins.Endpoints;

/// <summary>Compiles what the first request would have to compile, so that no caller waits for it after a swap. Handlers are not called: only their author knows which calls are free of effects.</summary>
internal static class Warmth
{
    public static void Prepare(RouteEndpoint endpoint, IServiceProvider services)
    {
        RuntimeHelpers.PrepareDelegate(endpoint.RequestDelegate!);
        if (endpoint.Metadata.GetMetadata<MethodInfo>() is { } method)
        {
            Prepare(method);
        }

        var json = services.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;
        var types = endpoint.Metadata.GetOrderedMetadata<IProducesResponseTypeMetadata>().Select(p => p.Type)
            .Append(endpoint.Metadata.GetMetadata<IAcceptsMetadata>()?.RequestType);
        foreach (var type in types.Where(t => t is not null && t != typeof(void)))
        {
            WarmJson(json, type!);
        }
    }

    private static void Prepare(MethodInfo method)
    {
        if (!method.ContainsGenericParameters && method.DeclaringType is { ContainsGenericParameters: false })
        {
            RuntimeHelpers.PrepareMethod(method.MethodHandle);
        }

        if (method.GetCustomAttribute<AsyncStateMachineAttribute>()?.StateMachineType is { ContainsGenericParameters: false } machine
            && machine.GetMethod("MoveNext", BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public) is { } moveNext)
        {
            RuntimeHelpers.PrepareMethod(moveNext.MethodHandle);
        }
    }

    private static void WarmJson(JsonSerializerOptions json, Type type)
    {
        try
        {
            json.GetTypeInfo(type);
        }
        catch (Exception e) when (e is NotSupportedException or InvalidOperationException)
        {
            // The type has its own way to the wire (a stream, a result); the first request shows whether it works.
        }
    }
}
