using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Nexus.Gateway.Metrics;

/// <summary>What a family of series is.</summary>
internal enum MetricKind
{
    /// <summary>Only grows.</summary>
    Counter,

    /// <summary>Goes up and down.</summary>
    Gauge,

    /// <summary>Counts in buckets.</summary>
    Histogram,

    /// <summary>Grows like a counter under a name that the rules for counters do not allow.</summary>
    Untyped,
}

/// <summary>
/// Writes metrics in the Prometheus text form 0.0.4 or as OpenMetrics 1.0. A family is begun once: one that was written already is refused,
/// because a second one of a name makes the whole answer unreadable.
/// </summary>
internal sealed class Exposition(bool openMetrics)
{
    private const string PlainType = "text/plain; version=0.0.4; charset=utf-8";
    private const string OpenType = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    private readonly StringBuilder text = new();
    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private string family = "";

    public string ContentType => openMetrics ? OpenType : PlainType;

    /// <summary>The form that a caller wants: OpenMetrics where it is accepted no less than plain text, plain text otherwise.</summary>
    public static Exposition For(HttpRequest request)
    {
        double open = 0, plain = 0;
        if (MediaTypeHeaderValue.TryParseList([.. request.Headers.Accept.OfType<string>()], out var accepted))
        {
            foreach (var type in accepted)
            {
                if (type.MediaType.Equals("application/openmetrics-text", StringComparison.OrdinalIgnoreCase))
                    open = Math.Max(open, type.Quality ?? 1);
                else if (type.MediaType.Equals("text/plain", StringComparison.OrdinalIgnoreCase))
                    plain = Math.Max(plain, type.Quality ?? 1);
            }
        }

        return new Exposition(open > 0 && open >= plain);
    }

    /// <summary>Begins a family; false when there is one of this name.</summary>
    /// <param name="name">Whole name, of a counter with <c>_total</c>.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="help">One sentence.</param>
    public bool Begin(string name, MetricKind kind, string help)
    {
        if (!names.Add(name))
            return false;
        family = name;
        var told = openMetrics && kind == MetricKind.Counter && name.EndsWith("_total", StringComparison.Ordinal) ? name[..^6] : name;
        var type = kind switch { MetricKind.Counter => "counter", MetricKind.Gauge => "gauge", MetricKind.Histogram => "histogram", _ => openMetrics ? "unknown" : "untyped" };
        text.Append("# HELP ").Append(told).Append(' ').Append(EscapeHelp(help)).Append("\n# TYPE ").Append(told).Append(' ').Append(type).Append('\n');
        return true;
    }

    /// <summary>One sample of the family that was begun last.</summary>
    /// <param name="labels">As <see cref="Labels"/> makes them.</param>
    /// <param name="value">The value.</param>
    /// <param name="suffix">What follows the name, of a histogram.</param>
    public void Sample(string labels, double value, string suffix = "")
    {
        text.Append(family).Append(suffix);
        if (labels.Length > 0)
            text.Append('{').Append(labels).Append('}');
        text.Append(' ').Append(Number(value)).Append('\n');
    }

    /// <summary>A histogram of the family that was begun last.</summary>
    /// <param name="labels">Its labels.</param>
    /// <param name="bounds">Upper bounds of all buckets but the last.</param>
    /// <param name="counts">Observations in each bucket alone, one more than there are bounds.</param>
    /// <param name="sum">Sum of the observations.</param>
    public void Histogram(string labels, ReadOnlySpan<double> bounds, ReadOnlySpan<long> counts, double sum)
    {
        long seen = 0;
        var comma = labels.Length > 0 ? "," : "";
        for (var i = 0; i < counts.Length; i++)
        {
            seen += counts[i];
            Sample($"{labels}{comma}le=\"{(i < bounds.Length ? Bound(bounds[i]) : "+Inf")}\"", seen, "_bucket");
        }

        Sample(labels, sum, "_sum");
        Sample(labels, seen, "_count");
    }

    /// <summary>Labels as they stand within the braces.</summary>
    public static string Labels(params ReadOnlySpan<(string Name, string Value)> labels)
    {
        var made = new StringBuilder();
        foreach (var (name, value) in labels)
            made.Append(made.Length > 0 ? "," : "").Append(name).Append("=\"").Append(Escape(value)).Append('"');
        return made.ToString();
    }

    public byte[] End()
    {
        if (openMetrics)
            text.Append("# EOF\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static string Escape(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private string EscapeHelp(string help)
    {
        var escaped = help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return openMetrics ? escaped.Replace("\"", "\\\"", StringComparison.Ordinal) : escaped;
    }

    // OpenMetrics writes bounds as floats.
    private string Bound(double bound) => openMetrics && Math.Floor(bound) == bound && Math.Abs(bound) < 1e15 ? bound.ToString("0.0", CultureInfo.InvariantCulture) : Number(bound);

    private static string Number(double value) =>
        double.IsNaN(value) ? "NaN" : double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString(CultureInfo.InvariantCulture);
}
