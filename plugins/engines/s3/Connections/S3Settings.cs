using Microsoft.Extensions.Configuration;

namespace Nexus.Engines.S3.Connections;

/// <summary>How to reach the bucket, from the section <c>blobs.s3</c>.</summary>
/// <param name="Bucket">Name of the bucket.</param>
/// <param name="Endpoint">Address of the store; null for that of AWS in the region.</param>
internal sealed record S3Settings(string Bucket, Uri? Endpoint)
{
    public string Region { get; init; } = "us-east-1";

    /// <summary>Without one the library looks where programs on AWS find theirs: variables, profile, the machine's role.</summary>
    public string? AccessKey { get; init; }

    public string? SecretKey { get; init; }

    /// <summary>The bucket in the path and not in the name of the host.</summary>
    public bool PathStyle { get; init; }

    /// <summary>Beginning of all keys; empty or with a slash at its end.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>How long one request may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    public int Retries { get; init; } = 3;

    /// <summary>Bytes of a part of an upload; what is no longer goes up in one request.</summary>
    public long PartSize { get; init; } = 8 << 20;

    /// <summary>Certificates that the store's must come from, in place of the system's.</summary>
    public string? CertificateAuthority { get; init; }

    /// <summary>Where the blobs are, for people.</summary>
    public string Place => $"bucket {Bucket} at {Endpoint?.GetLeftPart(UriPartial.Authority) ?? $"AWS, region {Region}"}";

    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c>.</exception>
    public static S3Settings Read(IConfiguration settings)
    {
        if (settings["bucket"] is not { Length: > 0 } bucket)
            throw Wrong("bucket", "blobs.type is s3, which needs blobs.s3.bucket.");
        Uri? endpoint = null;
        if (settings["endpoint"] is { Length: > 0 } address && (!Uri.TryCreate(address, UriKind.Absolute, out endpoint) || endpoint.Scheme is not ("http" or "https")))
            throw Wrong("endpoint", $"blobs.s3.endpoint is '{address}', which is no address such as https://s3.example:9000.");
        var (accessKey, secretKey) = (settings["accessKey"], settings["secretKey"]);
        if (string.IsNullOrEmpty(accessKey) != string.IsNullOrEmpty(secretKey))
            throw Wrong("secretKey", "blobs.s3.accessKey and blobs.s3.secretKey are set together, or neither is: then the surroundings give credentials as AWS defines it.");
        var prefix = settings["prefix"]?.Trim('/') ?? "";
        return new S3Settings(bucket, endpoint)
        {
            Region = settings["region"] is { Length: > 0 } region ? region : "us-east-1",
            AccessKey = accessKey,
            SecretKey = secretKey,
            PathStyle = settings.GetValue("pathStyle", endpoint is not null),
            Prefix = prefix.Length == 0 ? "" : prefix + "/",
            Timeout = TimeSpan.FromSeconds(settings.GetValue("timeoutSeconds", 60d)),
            Retries = settings.GetValue("retries", 3),
            PartSize = settings.GetValue("partSize", 8L << 20),
            CertificateAuthority = settings["certificateAuthority"] is { Length: > 0 } authority ? authority : null,
        };
    }

    private static NexusException Wrong(string key, string message) => new(ErrorCodes.ConfigurationError, message) { Errors = [new FieldError("blobs.s3." + key, "format", message)] };
}
