using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using Amazon.Runtime;
using Amazon.S3;

namespace Nexus.Engines.S3.Connections;

/// <summary>What failures of the store and of the way to it mean to an operator.</summary>
internal static class S3Failures
{
    public static bool IsOurs(Exception failure) => failure is AmazonServiceException or AmazonClientException or HttpRequestException or IOException or SocketException or OperationCanceledException or TimeoutException;

    public static bool IsMissing(Exception failure) => failure is AmazonS3Exception { StatusCode: HttpStatusCode.NotFound } known && known.ErrorCode != "NoSuchBucket";

    /// <summary>The failure in words, with bucket, endpoint and way out, without secrets.</summary>
    public static NexusException Explain(Exception failure, S3Settings settings) => new(ErrorCodes.StorageUnavailable, $"Blobs in {settings.Place}: {Words(failure, settings)}", failure);

    private static string Words(Exception failure, S3Settings settings)
    {
        for (var inner = failure; inner is not null; inner = inner.InnerException)
        {
            if (inner is AuthenticationException)
                return "the certificate of the endpoint is not trusted. Name the file of its authority in blobs.s3.certificateAuthority.";
        }

        return failure switch
        {
            AmazonS3Exception { ErrorCode: "NoSuchBucket" } => "there is no such bucket. Make it, or name another in blobs.s3.bucket.",
            AmazonS3Exception { ErrorCode: "InvalidAccessKeyId" or "SignatureDoesNotMatch" or "InvalidToken" or "ExpiredToken" } => "the credentials are refused. Check blobs.s3.accessKey and blobs.s3.secretKey.",
            AmazonS3Exception { ErrorCode: "AccessDenied" } or AmazonS3Exception { StatusCode: HttpStatusCode.Forbidden } => "access is denied. Allow the user to list the bucket and to get, put and delete its objects.",
            AmazonS3Exception { ErrorCode: "PermanentRedirect" or "AuthorizationHeaderMalformed" or "IllegalLocationConstraintException" } => $"the bucket is not in the region {settings.Region}. Set blobs.s3.region.",
            AmazonS3Exception { ErrorCode: "RequestTimeTooSkewed" } => "the clock of this machine is wrong. Set it by NTP.",
            AmazonS3Exception { ErrorCode: "SlowDown" } => "the store asks for fewer requests. The node goes on by itself.",
            AmazonS3Exception { ErrorCode: "EntityTooSmall" } => "parts of an upload are too small for this store. Raise blobs.s3.partSize; most ask for 5 MiB.",
            AmazonS3Exception known => $"{known.Message} (code {known.ErrorCode}, status {(int)known.StatusCode}).",
            OperationCanceledException or TimeoutException => $"no answer within {settings.Timeout.TotalSeconds:0.#} s. Check that the store runs and can be reached from here, or raise blobs.s3.timeoutSeconds.",
            AmazonClientException when settings.AccessKey is null && failure.InnerException is not (HttpRequestException or IOException) => $"there are no credentials: {failure.Message} Set blobs.s3.accessKey and blobs.s3.secretKey, or the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            _ => "the endpoint does not answer. Check that it runs and can be reached from here, and blobs.s3.endpoint; the node goes on by itself once it answers.",
        };
    }
}
