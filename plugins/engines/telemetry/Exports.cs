using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Nexus.Engines.Telemetry;

/// <summary>The running exports.</summary>
internal sealed class Exports : IDisposable
{
    private const int FlushMilliseconds = 3000;
    private readonly List<Action> ends = [];

    public void Begin(TelemetrySettings settings, ILogSinks? logs)
    {
        var resource = ResourceBuilder.CreateDefault().AddService(settings.Service, serviceVersion: typeof(NexusTracing).Assembly.GetName().Version?.ToString(3), serviceInstanceId: $"{Environment.MachineName}:{Environment.ProcessId}");
        if (settings.Signals.Contains("traces"))
            BeginTraces(settings, resource);
        if (settings.Signals.Contains("metrics"))
            BeginMetrics(settings, resource);
        if (settings.Signals.Contains("logs") && logs is not null)
            BeginLogs(settings, resource, logs);
    }

    /// <summary>Sends what waits and stops listening.</summary>
    public void End()
    {
        foreach (var end in ends)
            end();
        ends.Clear();
    }

    public void Dispose() => End();

    private void BeginTraces(TelemetrySettings settings, ResourceBuilder resource)
    {
        var builder = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(NexusTracing.SourceName).AddOtlpExporter(exporter => settings.Apply(exporter, "traces"));
        if (settings.Sampling is { } part)
            builder.SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(part)));
        var provider = builder.Build();
        ends.Add(() =>
        {
            provider.ForceFlush(FlushMilliseconds);
            provider.Dispose();
        });
    }

    private void BeginMetrics(TelemetrySettings settings, ResourceBuilder resource)
    {
        // Every meter but those of the framework: they would cost each request and connection, and say what the node says itself.
        var provider = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter("*")
            .AddView(instrument => instrument.Meter.Name.StartsWith("Microsoft.", StringComparison.Ordinal) || instrument.Meter.Name.StartsWith("System.Net", StringComparison.Ordinal) ? MetricStreamConfiguration.Drop : null)
            .AddOtlpExporter((exporter, reader) =>
            {
                settings.Apply(exporter, "metrics");
                if (settings.MetricsSeconds is { } seconds)
                    reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = (int)(seconds * 1000);
            }).Build();
        ends.Add(() =>
        {
            provider.ForceFlush(FlushMilliseconds);
            provider.Dispose();
        });
    }

    private void BeginLogs(TelemetrySettings settings, ResourceBuilder resource, ILogSinks logs)
    {
        var factory = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddOpenTelemetry(options =>
        {
            options.SetResourceBuilder(resource);
            options.IncludeFormattedMessage = true;
            options.AddOtlpExporter(exporter => settings.Apply(exporter, "logs"));
        }));
        var sink = logs.Add(line => Write(factory, line));
        ends.Add(() =>
        {
            sink.Dispose();
            factory.Dispose();
        });
    }

    /// <summary>The line as it is in the node's own log: the text is masked already, so the exception is text too.</summary>
    private static void Write(ILoggerFactory factory, LogEntry line)
    {
        List<KeyValuePair<string, object?>> state = [];
        if (line.RequestId is not null)
            state.Add(new("request_id", line.RequestId));
        if (line.UserId is not null)
            state.Add(new("user_id", line.UserId));
        if (line.Exception is not null)
            state.Add(new("exception.stacktrace", line.Exception));
        factory.CreateLogger(line.Category).Log(line.Level, default, state, null, (_, _) => line.Message);
    }
}
