using Microsoft.AspNetCore.Http;

namespace Nexus.Gateway.Grpc.Calls;

/// <summary>The header <c>grpc-timeout</c>: up to eight digits and a unit.</summary>
internal static class GrpcDeadline
{
    /// <summary>How long the caller waits; null for as long as it takes.</summary>
    /// <exception cref="GrpcException"><c>INTERNAL</c>: it is not of its form.</exception>
    public static TimeSpan? Of(HttpRequest request)
    {
        if (request.Headers["grpc-timeout"] is not [{ } text])
            return null;
        long? ticks = text is [.., var unit] && text.Length is >= 2 and <= 9 && long.TryParse(text.AsSpan(0, text.Length - 1), System.Globalization.NumberStyles.None, null, out var number)
            ? unit switch
            {
                'H' => number * TimeSpan.TicksPerHour,
                'M' => number * TimeSpan.TicksPerMinute,
                'S' => number * TimeSpan.TicksPerSecond,
                'm' => number * TimeSpan.TicksPerMillisecond,
                'u' => number * TimeSpan.TicksPerMicrosecond,
                'n' => number / TimeSpan.NanosecondsPerTick,
                _ => null,
            }
            : null;
        return ticks is { } found ? TimeSpan.FromTicks(found) : throw new GrpcException(GrpcCode.Internal, $"grpc-timeout is up to eight digits and a unit; \"{text}\" is not.");
    }
}
