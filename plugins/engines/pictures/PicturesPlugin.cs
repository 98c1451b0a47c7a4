namespace Nexus.Engines.Pictures;

/// <summary>Scales attached pictures with libvips.</summary>
public sealed class PicturesPlugin : IPlugin
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin) => plugin.ScalePictures(ScalerProcess.ScaleAsync);
}
