using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Nexus.Gateway.Platform;

/// <summary>A package that came by multipart upload: streamed into a temporary file, gone after use.</summary>
internal sealed class PackageUpload : IAsyncDisposable
{
    private readonly string folder;

    private PackageUpload(string folder) => this.folder = folder;

    /// <summary>Where the file is.</summary>
    public string Path => System.IO.Path.Combine(folder, "upload.nxp");

    /// <summary>Receives the first file of the form.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c> when there is none.</exception>
    public static async Task<PackageUpload> ReceiveAsync(HttpContext context)
    {
        var boundary = MediaTypeHeaderValue.Parse(context.Request.ContentType).Boundary.Value?.Trim('"')
            ?? throw new NexusException(ErrorCodes.BadRequest, "The multipart body has no boundary.");
        var upload = new PackageUpload(Directory.CreateTempSubdirectory("nexus-upload-").FullName);
        try
        {
            var reader = new MultipartReader(boundary, context.Request.Body);
            while (await reader.ReadNextSectionAsync(context.RequestAborted) is { } section)
            {
                if (section.GetContentDispositionHeader()?.IsFileDisposition() != true)
                    continue;
                await using var file = File.Create(upload.Path);
                await section.Body.CopyToAsync(file, context.RequestAborted);
                return upload;
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException and not BadHttpRequestException)
        {
            await upload.DisposeAsync();
            throw new NexusException(ErrorCodes.BadRequest, "The multipart body is damaged.", exception);
        }
        catch
        {
            await upload.DisposeAsync();
            throw;
        }
        await upload.DisposeAsync();
        throw new NexusException(ErrorCodes.BadRequest, "The form has no file; send the .nxp package as a file part.");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Directory.Delete(folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
