using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Nexus.Gateway.Pipeline;

/// <summary>The form of a request, as a handler reads it. What the framework throws about a form that a caller got wrong (another media type, no boundary, cut off, too many parts) is the caller's error here and no failure of the plugin.</summary>
internal sealed class CheckedForm(HttpContext context, FormOptions options) : IFormFeature
{
    private readonly FormFeature form = new(context.Request, options);

    public bool HasFormContentType => form.HasFormContentType;

    public IFormCollection? Form
    {
        get => form.Form;
        set => form.Form = value;
    }

    public IFormCollection ReadForm() => Form ?? ReadFormAsync(CancellationToken.None).GetAwaiter().GetResult();

    public async Task<IFormCollection> ReadFormAsync(CancellationToken cancellationToken)
    {
        if (form.Form is { } read)
            return read;
        if (!form.HasFormContentType)
            throw new NexusException(ErrorCodes.UnsupportedMediaType, "This route reads a form: multipart/form-data or application/x-www-form-urlencoded.");
        try
        {
            return await form.ReadFormAsync(cancellationToken);
        }
        catch (InvalidDataException exception)
        {
            throw exception.Message.Contains("limit", StringComparison.OrdinalIgnoreCase)
                ? new NexusException(ErrorCodes.PayloadTooLarge, $"The form has more parts or longer values than are allowed ({options.ValueCountLimit} parts).")
                : new NexusException(ErrorCodes.BadRequest, "The form cannot be read: its boundary or a header of a part is missing or wrong.");
        }
        catch (IOException exception) when (exception is not BadHttpRequestException)
        {
            throw new NexusException(ErrorCodes.BadRequest, "The form ends before its last part does.");
        }
    }
}
