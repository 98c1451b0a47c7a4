using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Grpc.Wire;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Grpc.Calls;

/// <summary>Status codes of gRPC.</summary>
internal enum GrpcCode
{
    Ok = 0,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// <summary>How a call ended, and how that is sent: <c>grpc-status</c>, <c>grpc-message</c>, and a <c>google.rpc.Status</c> with ErrorInfo and BadRequest.</summary>
internal sealed record GrpcStatus(GrpcCode Code, string Message)
{
    private const string MediaType = "application/grpc";
    private const string Types = "type.googleapis.com/google.rpc.";

    /// <summary>Code of the platform's catalogue, or null.</summary>
    public string? Reason { get; init; }

    /// <summary>Fields that break a rule.</summary>
    public IReadOnlyCollection<FieldError> Errors { get; init; } = [];

    /// <summary>Where it comes from; null when that is not known or not for this caller. Who sends it has asked.</summary>
    public FailureOrigin? Origin { get; init; }

    /// <summary>Whether a request is of this protocol, whose every answer has to be.</summary>
    public static bool IsAsked(HttpRequest request) =>
        request.ContentType is { } type && type.StartsWith(MediaType, StringComparison.OrdinalIgnoreCase) && (type.Length == MediaType.Length || type[MediaType.Length] is '+' or ';') && HttpProtocol.IsHttp2(request.Protocol);

    /// <summary>What an error of the platform is here.</summary>
    public static GrpcStatus Of(NexusException error) => Of(ErrorCodes.Get(error.Code), error.Message, error.Errors);

    /// <summary>What an entry of the catalogue is here.</summary>
    public static GrpcStatus Of(ErrorCode entry, string? detail, IReadOnlyCollection<FieldError>? errors) =>
        new(CodeOf(entry), Masking.Mask(detail ?? entry.Cause)) { Reason = entry.Code, Errors = errors ?? [] };

    /// <summary>Ends an answer. Before anything was sent the status goes into the headers, which then are all of the answer.</summary>
    public void Send(HttpContext context)
    {
        var response = context.Response;
        var trailers = response.HasStarted;
        if (!trailers)
        {
            response.StatusCode = StatusCodes.Status200OK;
            response.ContentType = MediaType;
            response.ContentLength = null;
        }
        void Set(string name, string value)
        {
            if (trailers)
                response.AppendTrailer(name, value);
            else
                response.Headers[name] = value;
        }
        Set("grpc-status", ((int)Code).ToString(CultureInfo.InvariantCulture));
        if (Code == GrpcCode.Ok)
            return;
        Set("grpc-message", Escape(Message));
        if (Reason is not null)
            Set("grpc-status-details-bin", Convert.ToBase64String(Details(GatewayRequest.Of(context))));
    }

    private static GrpcCode CodeOf(ErrorCode entry) => entry.Code switch
    {
        ErrorCodes.UniqueViolation => GrpcCode.AlreadyExists,
        ErrorCodes.RuleViolation or ErrorCodes.PreconditionFailed => GrpcCode.FailedPrecondition,
        ErrorCodes.RouteNotFound or ErrorCodes.MethodNotAllowed => GrpcCode.Unimplemented,
        ErrorCodes.RequestTimeout => GrpcCode.DeadlineExceeded,
        ErrorCodes.QuotaExceeded => GrpcCode.ResourceExhausted,
        _ => entry.Status switch
        {
            401 => GrpcCode.Unauthenticated,
            403 => GrpcCode.PermissionDenied,
            404 => GrpcCode.NotFound,
            409 => GrpcCode.Aborted,
            412 => GrpcCode.FailedPrecondition,
            413 or 429 => GrpcCode.ResourceExhausted,
            501 => GrpcCode.Unimplemented,
            503 => GrpcCode.Unavailable,
            504 => GrpcCode.DeadlineExceeded,
            >= 500 => GrpcCode.Internal,
            _ => GrpcCode.InvalidArgument,
        },
    };

    /// <summary>Percent-encoded, as the protocol wants everything that is not visible ASCII.</summary>
    private static string Escape(string message)
    {
        var text = new StringBuilder(message.Length);
        foreach (var part in Encoding.UTF8.GetBytes(message))
        {
            if (part is >= 0x20 and <= 0x7E and not (byte)'%')
                text.Append((char)part);
            else
                text.Append(CultureInfo.InvariantCulture, $"%{part:X2}");
        }
        return text.ToString();
    }

    private byte[] Details(GatewayRequest request)
    {
        using var to = new ProtoWriter();
        to.Int64(1, (long)Code);
        to.Text(2, Message);
        var info = Begin(to, "ErrorInfo", out var infoValue);
        to.Text(1, Reason!);
        to.Text(2, "nexus");
        Entry(to, "requestId", request.Id);
        Entry(to, "traceId", request.TraceId);
        if (Origin is { } origin)
        {
            Entry(to, "plugin", origin.Plugin);
            Entry(to, "version", origin.Version);
            Entry(to, "component", origin.Component);
        }
        End(to, info, infoValue);
        if (Errors.Count == 0)
            return to.Written.ToArray();
        var input = Begin(to, "BadRequest", out var inputValue);
        foreach (var error in Errors)
        {
            var violation = to.Begin(1);
            to.Text(1, error.Pointer);
            to.Text(2, Masking.Mask(error.Message));
            to.Text(3, error.Code);
            to.End(violation);
        }
        End(to, input, inputValue);
        return to.Written.ToArray();
    }

    /// <summary>One entry of ErrorInfo's metadata.</summary>
    private static void Entry(ProtoWriter to, string name, string value)
    {
        var entry = to.Begin(3);
        to.Text(1, name);
        to.Text(2, value);
        to.End(entry);
    }

    /// <summary>Begins one detail: an Any, and the message within it.</summary>
    private static int Begin(ProtoWriter to, string type, out int value)
    {
        var any = to.Begin(3);
        to.Text(1, Types + type);
        value = to.Begin(2);
        return any;
    }

    private static void End(ProtoWriter to, int any, int value)
    {
        to.End(value);
        to.End(any);
    }
}

/// <summary>A call ends with a status that no code of the catalogue says.</summary>
internal sealed class GrpcException(GrpcCode code, string message) : Exception(message)
{
    /// <summary>Its status.</summary>
    public GrpcStatus Status { get; } = new(code, message);
}
