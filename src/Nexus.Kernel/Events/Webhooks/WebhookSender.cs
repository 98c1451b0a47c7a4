using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Plugins.Capabilities;

namespace Nexus.Kernel.Events.Webhooks;

/// <summary>A receiver did not take an event; the text says why.</summary>
internal sealed class WebhookRefusedException(string message, bool gone = false) : Exception(message)
{
    /// <summary>It answered 410: it wants no more.</summary>
    public bool Gone { get; } = gone;
}

/// <summary>Posts events, signed: <c>Nexus-Signature: t=1767322645,v1=…</c>, where v1 is the HMAC-SHA-256 in lower-case hex of <c>{t}.{body}</c>, once for each secret that is valid. Addresses of this host and of private networks are refused unless <c>plugins.outbound.allowed</c> names them; redirects are not followed, as they would be a way around that.</summary>
internal sealed class WebhookSender : IDisposable
{
    private readonly HttpClient client;
    private readonly TimeProvider time;

    public WebhookSender(IServiceProvider host, TimeProvider time)
    {
        this.time = time;
        var targets = new OutboundTargets(host.GetService<PluginsOptions>()?.Outbound ?? new PluginOutboundOptions());
        client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            UseProxy = targets.UseProxy,
            ConnectCallback = targets.UseProxy ? null : targets.ConnectAsync,
        }) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public void Dispose() => client.Dispose();

    /// <summary>Posts events: one by itself, or those of a batch as a list.</summary>
    /// <exception cref="WebhookRefusedException">No answer, or none of success.</exception>
    public async Task SendAsync(Webhook webhook, ImmutableArray<EventContext> events, IReadOnlyList<byte[]> secrets, CancellationToken cancellationToken)
    {
        var body = Body(webhook, events);
        var at = time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        using var request = new HttpRequestMessage(HttpMethod.Post, webhook.Url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (webhook.BatchSize == 1)
        {
            request.Headers.Add("Nexus-Event-Id", events[0].Message.Id.ToString());
            request.Headers.Add("Nexus-Event-Name", events[0].Message.Name);
        }
        request.Headers.Add("Nexus-Webhook-Id", webhook.Id.ToString());
        request.Headers.TryAddWithoutValidation("Nexus-Signature", string.Join(',', secrets.Select(s => $"v1={Sign(s, at, body)}").Prepend($"t={at}")));
        using var span = NexusTracing.Start(NexusTracing.WebhookSend);
        span?.SetTag("server.address", webhook.Url.Host);
        // The framework's own handler does the same, unless a site turned its activities off.
        if (NexusTracing.IsListenedTo && NexusTracing.Parent is { } parent)
            request.Headers.TryAddWithoutValidation(NexusTracing.ParentHeader, parent);
        try
        {
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            span?.SetTag("http.response.status_code", (int)answer.StatusCode);
            if (!answer.IsSuccessStatusCode)
                throw new WebhookRefusedException($"{webhook.Url.Authority} answered {(int)answer.StatusCode}.", answer.StatusCode == System.Net.HttpStatusCode.Gone);
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            throw new WebhookRefusedException(e.InnerException is TargetRefusedException refused ? refused.Message : $"{webhook.Url.Authority} could not be reached: {e.Message}");
        }
    }

    private static string Sign(byte[] secret, string at, byte[] body)
    {
        byte[] text = [.. Encoding.ASCII.GetBytes(at), (byte)'.', .. body];
        return Convert.ToHexStringLower(HMACSHA256.HashData(secret, text));
    }

    private static byte[] Body(Webhook webhook, ImmutableArray<EventContext> events)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            if (webhook.BatchSize == 1)
            {
                Write(json, webhook, events[0]);
            }
            else
            {
                json.WriteStartObject();
                json.WriteString("webhook", webhook.Id);
                json.WriteStartArray("events");
                foreach (var one in events)
                    Write(json, webhook, one);
                json.WriteEndArray();
                json.WriteEndObject();
            }
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter json, Webhook webhook, EventContext context)
    {
        var message = context.Message;
        json.WriteStartObject();
        json.WriteString("id", message.Id);
        json.WriteString("name", message.Name);
        json.WriteString("occurredAt", message.OccurredAt.UtcDateTime);
        json.WriteString("publisher", message.Source);
        json.WriteString("correlationId", message.CorrelationId);
        json.WriteString("key", message.Key);
        json.WriteString("webhook", webhook.Id);
        json.WriteNumber("attempt", context.Attempt);
        if (message.Encrypted)
            json.WriteBoolean("encrypted", true);
        if (!message.IsSealed())
        {
            json.WritePropertyName("data");
            json.WriteRawValue(message.Data.IsEmpty ? "null"u8 : message.Data.Span);
        }

        json.WriteEndObject();
    }
}
