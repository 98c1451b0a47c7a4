using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Nexus.Gateway.Errors;

namespace Nexus.Gateway.Rest;

/// <content>Attachments of one record.</content>
internal sealed partial class ResourceRoutes
{
    // Nothing of what somebody attached ever runs, also where a browser is made to show it.
    private const string SandboxPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'";

    // What a form has around its files.
    private const long FormBytes = 1024 * 1024;

    private async Task ListAttachmentsAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        var found = await parts.Attachments().ListAsync(Call(context), [id], context.RequestAborted);
        if (!found.TryGetValue(id, out var files))
        {
            await NoRecordAsync(context);
            return;
        }
        context.Response.Headers.CacheControl = "no-store";
        await JsonAnswer.SendAsync(context, json => AttachmentJson.WriteAll(json, files, AddressOf(id)));
    }

    private async Task AttachAsync(HttpContext context, AttachmentRules rules)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = (rules.MaxBytes * rules.MaxCount) + FormBytes;
        var call = IdempotencyKeys.Of(context.Request) is { } key ? Call(context) with { Idempotency = new IdempotentRequest(key, "") } : Call(context);
        var added = await parts.Attachments().AddAsync(call, id, new AttachmentUploads(context, rules).ReadAsync(), context.RequestAborted);
        if (added.Replayed)
            context.Response.Headers["Idempotency-Replayed"] = "true";
        if (added.Attachments is [var only])
            context.Response.Headers.Location = context.Request.PathBase + AddressOf(id) + only.Id;
        await JsonAnswer.SendAsync(context, json => AttachmentJson.WriteAll(json, added.Attachments, AddressOf(id)), StatusCodes.Status201Created);
    }

    private async Task SendAttachmentAsync(HttpContext context)
    {
        var values = context.Request.RouteValues;
        var (id, attachment, width) = ((string)values["id"]!, (string)values["attachment"]!, Width(context.Request.Query["width"]));
        var opened = width is { } wanted ? await parts.Attachments().OpenPictureAsync(Call(context), id, attachment, wanted, context.RequestAborted) : await parts.Attachments().OpenAsync(Call(context), id, attachment, context.RequestAborted);
        if (opened is not var (file, content))
        {
            await Problem.WriteAsync(context, ErrorCodes.ResourceNotFound, $"{resource.Name} have no record {id} with an attachment {attachment} that you may see.");
            return;
        }
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = SandboxPolicy;
        headers.XContentTypeOptions = "nosniff";
        // Kept by the browser, asked for by its tag each time: rights may have changed.
        headers.CacheControl = "private, no-cache";
        var (type, name, tag) = width is null ? (file.ContentType, file.Name, file.Sha256) : ("image/webp", Path.ChangeExtension(file.Name, ".webp"), $"{file.Sha256}-{width}");
        await Results.Stream(content, type, name, file.CreatedAt, new EntityTagHeaderValue($"\"{tag}\""), enableRangeProcessing: true).ExecuteAsync(context);
    }

    private static int? Width(StringValues text) => text.Count == 0 ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var width) ? width
        : throw new NexusException(ErrorCodes.BadRequest, $"width is one of {string.Join(", ", PictureWidths.All)}; \"{text}\" is not.");

    private async Task DetachAsync(HttpContext context)
    {
        var values = context.Request.RouteValues;
        await parts.Attachments().RemoveAsync(Call(context), (string)values["id"]!, (string)values["attachment"]!, CancellationToken.None);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>Where the attachments of a record are, with a slash at the end.</summary>
    private string AddressOf(string id) => AttachmentJson.AddressOf(plugin, resource, id);
}
