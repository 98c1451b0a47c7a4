using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Testing;

/// <summary>Answers the HTTP requests of plugins in the place of the network.</summary>
internal sealed class OutboundAnswers(Func<HttpRequestMessage, HttpResponseMessage> answer) : IPluginPorts
{
    public void Add(IServiceCollection services, PluginPortContext context) =>
        services.ConfigureHttpClientDefaults(client => client.AddHttpMessageHandler(() => new Answers(answer)));

    private sealed class Answers(Func<HttpRequestMessage, HttpResponseMessage> answer) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = answer(request);
            response.RequestMessage ??= request;
            return Task.FromResult(response);
        }
    }
}
