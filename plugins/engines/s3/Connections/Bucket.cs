using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Nexus.Engines.S3.Connections;

/// <summary>The bucket that blobs are in. Thread-safe.</summary>
internal sealed class Bucket : IDisposable
{
    private static readonly TimeSpan HealthLimit = TimeSpan.FromSeconds(3);

    private readonly AmazonS3Client _client;

    public Bucket(S3Settings settings)
    {
        Settings = settings;
        var config = new AmazonS3Config { ForcePathStyle = settings.PathStyle, MaxErrorRetry = settings.Retries, RetryMode = RequestRetryMode.Standard, HttpClientFactory = new StoreClients(settings) };
        if (settings.Endpoint is { } endpoint)
            (config.ServiceURL, config.AuthenticationRegion) = (endpoint.ToString(), settings.Region);
        else
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(settings.Region);
        try
        {
            _client = settings.AccessKey is { } key ? new AmazonS3Client(new BasicAWSCredentials(key, settings.SecretKey), config) : new AmazonS3Client(config);
        }
        catch (Exception e) when (e is AmazonClientException or CryptographicException or IOException)
        {
            throw S3Failures.Explain(e, settings);
        }
    }

    public S3Settings Settings { get; }

    /// <summary>Runs work; what fails is told in the operator's words.</summary>
    public async ValueTask<T> UseAsync<T>(Func<AmazonS3Client, Task<T>> work, CancellationToken cancellationToken)
    {
        try
        {
            return await work(_client);
        }
        catch (Exception e) when (S3Failures.IsOurs(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw S3Failures.Explain(e, Settings);
        }
    }

    /// <summary>As <see cref="UseAsync"/>; null when there is no such object.</summary>
    public ValueTask<T?> FindAsync<T>(Func<AmazonS3Client, Task<T>> work, CancellationToken cancellationToken)
        where T : class => UseAsync<T?>(async client =>
    {
        try
        {
            return await work(client);
        }
        catch (AmazonS3Exception e) when (S3Failures.IsMissing(e))
        {
            return null;
        }
    }, cancellationToken);

    /// <exception cref="NexusException"><c>STORAGE_UNAVAILABLE</c> with bucket, endpoint, cause and way out.</exception>
    public ValueTask<ListObjectsV2Response> CheckAsync(CancellationToken cancellationToken) =>
        UseAsync(client => client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Settings.Bucket, Prefix = Settings.Prefix, MaxKeys = 1 }, cancellationToken), cancellationToken);

    public async ValueTask<PluginHealth> CheckHealthAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(HealthLimit);
        try
        {
            await CheckAsync(limit.Token);
            return new PluginHealth(HealthLevel.Healthy, string.Create(CultureInfo.InvariantCulture, $"{Settings.Place} answers in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0.0} ms"));
        }
        catch (NexusException e)
        {
            return new PluginHealth(HealthLevel.Unhealthy, e.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new PluginHealth(HealthLevel.Unhealthy, $"Blobs in {Settings.Place}: no answer within {HealthLimit.TotalSeconds:0} s.");
        }
    }

    public void Dispose() => _client.Dispose();
}
