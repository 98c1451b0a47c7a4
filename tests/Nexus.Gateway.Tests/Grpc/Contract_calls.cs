using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Grpc.Schema;
using Nexus.Gateway.Grpc.Wire;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Grpc;

/// <summary>Services that plugins provide by a contract, called over gRPC.</summary>
public sealed class Contract_calls
{
    // nexus.v1.ServiceRequest and ServiceResponse, as the served file has them.
    private static readonly ProtoMessage Request = new ProtoMessage("ServiceRequest", "nexus.v1.ServiceRequest").Add("arguments", 1, WellKnown.Value, repeated: true).Add("implementation", 2, ProtoKind.Text);
    private static readonly ProtoMessage Response = new ProtoMessage("ServiceResponse", "nexus.v1.ServiceResponse").Add("result", 1, WellKnown.Value);

    [Fact]
    public async Task A_method_is_called_with_its_arguments_in_order_and_returns_its_result()
    {
        var registry = new Registry();
        await using var host = await StartAsync(registry);

        var (status, answer, _) = await CallAsync(host, "SendMail", """{"arguments":["ada@example.com",{"subject":"Hi"},2.5,null],"implementation":"pigeon"}""");
        var (nothing, empty, _) = await CallAsync(host, "Forget", "{}");

        Assert.Equal(("0", """{"result":{"sent":true}}"""), (status, answer));
        Assert.Equal(("0", "{}"), (nothing, empty));
        Assert.Equal(["post.mail pigeon send-mail [\"ada@example.com\",{\"subject\":\"Hi\"},2.5,null]", "post.mail  forget []"], registry.Calls);
    }

    [Fact]
    public async Task A_method_that_is_not_of_the_contract_is_not_there_and_a_refusal_has_its_code()
    {
        await using var host = await StartAsync(new Registry());

        Assert.Equal("12", (await CallAsync(host, "Destroy", "{}")).Status);
        var refused = await CallAsync(host, "SendMail", """{"arguments":["nobody"]}""");
        Assert.Equal(("9", "Nobody takes no letters."), (refused.Status, refused.Message));
    }

    [Fact]
    public async Task Who_may_not_call_services_reaches_none()
    {
        var registry = new Registry();
        await using var host = await StartAsync(registry, services => services.AddSingleton<IAuthorization>(new Nobody()));

        Assert.Equal("7", (await CallAsync(host, "SendMail", """{"arguments":[]}""")).Status);
        Assert.Empty(registry.Calls);
    }

    private static async Task<GatewayHost> StartAsync(Registry registry, Action<IServiceCollection>? more = null)
    {
        var host = await GatewayHost.StartAsync(configure: services =>
        {
            services.AddSingleton<IServiceRegistry>(registry);
            more?.Invoke(services);
        });
        host.Plugins.Publish(new ActivePlugin
        {
            Manifest = new PluginManifest { Name = "post", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Post.", Entry = "post.dll" },
            Generation = 1,
            Lease = new FakeGeneration(),
            Services = [new ProvidedServiceDescriptor { Contract = "post.mail", Name = "pigeon", Resolve = _ => new object(), Dispatch = (_, _, _, _) => throw new NotSupportedException(), Methods = ["send-mail", "forget"] }],
        });
        return host;
    }

    private static async Task<(string Status, string Answer, string? Message)> CallAsync(GatewayHost host, string method, string json)
    {
        using var message = new ProtoWriter();
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        reader.Read();
        JsonToProto.Write(message, Request, ref reader);
        var sent = message.Written.ToArray();
        var frame = new byte[5 + sent.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), sent.Length);
        sent.CopyTo(frame, 5);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/nexus.plugins.post.Mail/{method}") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(frame) };
        request.Content.Headers.ContentType = new("application/grpc");
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var bytes = await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        string? Header(string name) => answer.TrailingHeaders.TryGetValues(name, out var trailing) ? trailing.First() : answer.Headers.TryGetValues(name, out var leading) ? leading.First() : null;
        return (Header("grpc-status") ?? $"HTTP {(int)answer.StatusCode}", bytes.Length < 5 ? "" : Encoding.UTF8.GetString(ProtoToJson.Read(Response, bytes.AsSpan(5).ToArray()).Span), Header("grpc-message") is { } text ? Uri.UnescapeDataString(text) : null);
    }

    private sealed class Registry : IServiceRegistry
    {
        public List<string> Calls { get; } = [];

        public ImmutableArray<ServiceStatus> List() => [];

        public ImmutableArray<ServiceUse> Graph() => [];

        public ValueTask<ReadOnlyMemory<byte>> CallAsync(ServiceRequest request, CancellationToken cancellationToken)
        {
            var arguments = Encoding.UTF8.GetString(request.Arguments.Span);
            if (arguments.Contains("nobody", StringComparison.Ordinal))
                throw new RuleViolationException("Nobody takes no letters.");
            Calls.Add($"{request.Contract} {request.Implementation} {request.Method} {arguments}");
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(request.Method == "forget" ? ReadOnlyMemory<byte>.Empty : """{"sent":true}"""u8.ToArray());
        }
    }

    private sealed class Nobody : IAuthorization
    {
        public ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken) => new(new AccessDecision(AccessScope.None, "Nobody may."));
    }
}
