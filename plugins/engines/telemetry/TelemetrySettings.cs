using System.Globalization;
using Microsoft.Extensions.Configuration;
using OpenTelemetry.Exporter;

namespace Nexus.Engines.Telemetry;

/// <summary>Where telemetry goes and how much of it. What the section <c>telemetry</c> leaves out, the variables <c>OTEL_*</c> of the specification decide.</summary>
internal sealed record TelemetrySettings
{
    /// <summary>Address of the collector without the path of a signal; null leaves it to the variables.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>How it is spoken to; null leaves it to the variables.</summary>
    public OtlpExportProtocol? Protocol { get; init; }

    /// <summary>Headers as <c>name=value,name=value</c>; null leaves them to the variables.</summary>
    public string? Headers { get; init; }

    /// <summary>Part of the traces that begin here and are exported, 0 to 1; null leaves it to the variables, and without them it is all. A trace that a caller began is exported when the caller's is.</summary>
    public double? Sampling { get; init; }

    /// <summary>Seconds between two exports of metrics; null leaves it to the variables.</summary>
    public double? MetricsSeconds { get; init; }

    /// <summary>Which signals: <c>traces</c>, <c>metrics</c>, <c>logs</c>.</summary>
    public IReadOnlyList<string> Signals { get; init; } = ["traces", "metrics", "logs"];

    /// <summary>Name of the service; null leaves it to <c>OTEL_SERVICE_NAME</c>, and without that it is <c>logging.service</c>.</summary>
    public string Service { get; init; } = "nexus";

    /// <summary>The settings; null when nothing is to be exported.</summary>
    public static TelemetrySettings? Read(IConfiguration root, Func<string, string?> variable)
    {
        var section = root.GetSection("telemetry");
        var endpoint = section["otlp:endpoint"];
        if (string.IsNullOrEmpty(endpoint) && !Array.Exists(["", "_TRACES", "_METRICS", "_LOGS"], signal => variable($"OTEL_EXPORTER_OTLP{signal}_ENDPOINT") is { Length: > 0 })
            || string.Equals(variable("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase))
            return null;
        var signals = section.GetSection("signals").Get<string[]>();
        return new TelemetrySettings
        {
            Endpoint = string.IsNullOrEmpty(endpoint) ? null : new Uri(endpoint.TrimEnd('/') + "/"),
            Protocol = section["otlp:protocol"] switch { "grpc" => OtlpExportProtocol.Grpc, "http/protobuf" => OtlpExportProtocol.HttpProtobuf, _ => null },
            Headers = section["otlp:headers"],
            Sampling = section["sampling"] is { } part ? double.Parse(part, CultureInfo.InvariantCulture) : null,
            MetricsSeconds = section["metricsSeconds"] is { } seconds ? double.Parse(seconds, CultureInfo.InvariantCulture) : null,
            Signals = signals is { Length: > 0 } ? signals : ["traces", "metrics", "logs"],
            Service = variable("OTEL_SERVICE_NAME") is { Length: > 0 } name ? name : root["logging:service"] ?? "nexus",
        };
    }

    /// <summary>Puts the settings on an exporter.</summary>
    /// <param name="exporter">The exporter's options, filled from the variables.</param>
    /// <param name="signal">Path of the signal, such as <c>traces</c>.</param>
    public void Apply(OtlpExporterOptions exporter, string signal)
    {
        ArgumentNullException.ThrowIfNull(exporter);
        // Beside a plain address the usual form is HTTP; the specification's own default says so too.
        exporter.Protocol = Protocol ?? (Endpoint is { Port: 4317 } || Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc" ? OtlpExportProtocol.Grpc : Endpoint is null ? exporter.Protocol : OtlpExportProtocol.HttpProtobuf);
        if (Endpoint is { } address)
            exporter.Endpoint = exporter.Protocol == OtlpExportProtocol.Grpc ? address : new Uri(address, $"v1/{signal}");
        if (Headers is not null)
            exporter.Headers = Headers;
    }
}
