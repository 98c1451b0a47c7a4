using Amazon.S3;
using Amazon.S3.Model;
using Nexus.Engines.S3.Connections;

namespace Nexus.Engines.S3.Blobs;

/// <summary>Brings a content up: in one request, or in parts that become visible together at the end.</summary>
internal static class Upload
{
    private const int MostParts = 9_000;
    private static readonly TimeSpan AbortLimit = TimeSpan.FromSeconds(10);

    public static async Task<bool> RunAsync(AmazonS3Client client, S3Settings settings, string key, Spool spool, CancellationToken cancellationToken)
    {
        if (spool.Reference.Length <= settings.PartSize)
            await client.PutObjectAsync(new PutObjectRequest { BucketName = settings.Bucket, Key = key, InputStream = spool.Content, AutoCloseStream = false, AutoResetStreamPosition = false, UseChunkEncoding = false, ContentType = "application/octet-stream" }, cancellationToken);
        else
            await InPartsAsync(client, settings, key, spool, cancellationToken);
        return true;
    }

    private static async Task InPartsAsync(AmazonS3Client client, S3Settings settings, string key, Spool spool, CancellationToken cancellationToken)
    {
        var id = (await client.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest { BucketName = settings.Bucket, Key = key, ContentType = "application/octet-stream" }, cancellationToken)).UploadId;
        try
        {
            var size = Math.Max(settings.PartSize, spool.Reference.Length / MostParts + 1);
            var parts = new List<PartETag>();
            for (var position = 0L; position < spool.Reference.Length; position += size)
            {
                spool.Content.Position = position;
                var number = parts.Count + 1;
                var part = await client.UploadPartAsync(new UploadPartRequest { BucketName = settings.Bucket, Key = key, UploadId = id, PartNumber = number, InputStream = spool.Content, PartSize = Math.Min(size, spool.Reference.Length - position), UseChunkEncoding = false }, cancellationToken);
                parts.Add(new PartETag(number, part.ETag));
            }

            await CompleteAsync(client, settings, new CompleteMultipartUploadRequest { BucketName = settings.Bucket, Key = key, UploadId = id, PartETags = parts }, spool.Reference.Length, cancellationToken);
        }
        catch
        {
            await AbortAsync(client, new AbortMultipartUploadRequest { BucketName = settings.Bucket, Key = key, UploadId = id });
            throw;
        }
    }

    /// <summary>The answer to an end that was reached may be lost; asked again, the store no longer knows the upload.</summary>
    private static async Task CompleteAsync(AmazonS3Client client, S3Settings settings, CompleteMultipartUploadRequest request, long length, CancellationToken cancellationToken)
    {
        try
        {
            await client.CompleteMultipartUploadAsync(request, cancellationToken);
        }
        catch (AmazonS3Exception e) when (e.ErrorCode == "NoSuchUpload")
        {
            var there = await client.GetObjectMetadataAsync(settings.Bucket, request.Key, cancellationToken);
            if (there.ContentLength != length)
                throw;
        }
    }

    private static async Task AbortAsync(AmazonS3Client client, AbortMultipartUploadRequest request)
    {
        using var limit = new CancellationTokenSource(AbortLimit);
        try
        {
            await client.AbortMultipartUploadAsync(request, limit.Token);
        }
        catch (Exception e) when (S3Failures.IsOurs(e))
        {
            // The bucket's rule for unfinished uploads removes the parts.
        }
    }
}
