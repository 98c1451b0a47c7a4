using System.Collections.Immutable;

namespace Nexus;

/// <summary>Widths in which attached pictures are served.</summary>
public static class PictureWidths
{
    /// <summary>In pixels, narrowest first. Each is twice the one before, so that a browser finds one near what it shows, at any density of its screen.</summary>
    public static ImmutableArray<int> All { get; } = [80, 160, 320, 640, 1280];
}

/// <summary>
/// Makes a picture small: the first frame of a JPEG, PNG, WebP or GIF becomes a WebP without metadata, upright, at most <paramref name="width"/> wide and never wider than the original.
/// The bytes are a stranger's: an implementation bounds the pixels and the memory that it spends on them, and keeps what breaks away from the node.
/// </summary>
/// <param name="original">The picture; read once, from where it stands.</param>
/// <param name="width">Greatest width, one of <see cref="PictureWidths.All"/>.</param>
/// <param name="scaled">Gets the WebP; what it got before a failure is worthless.</param>
/// <param name="cancellationToken">Ends the work and gives back what it holds.</param>
/// <returns>When all is written. Fails with <see cref="NexusException"/>: <c>PICTURE_UNREADABLE</c> for what is no whole picture or too large, <c>SERVICE_UNAVAILABLE</c> for what is missing on this node.</returns>
public delegate ValueTask PictureScaling(Stream original, int width, Stream scaled, CancellationToken cancellationToken);

/// <summary>Scales pictures for the node.</summary>
/// <param name="Scale">Makes a picture small.</param>
public sealed record PictureContribution(PictureScaling Scale) : Contribution;

/// <summary>Verbs of pictures.</summary>
public static class PictureVerbs
{
    /// <summary>Declares that the plugin scales the pictures of this node. For core plugins; of several the first by id does.</summary>
    public static IPluginBuilder ScalePictures(this IPluginBuilder plugin, PictureScaling scale)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        return plugin.Contribute(new PictureContribution(scale));
    }
}
