namespace Nexus.Engines.Pictures;

/// <summary>How the process of a picture ended. Any other number is a crash, or the system's answer to a limit.</summary>
internal enum ScalerExit
{
    /// <summary>The WebP is written.</summary>
    Scaled = 0,

    /// <summary>The bytes are no whole picture, or one that is too large; the reason is on the standard error.</summary>
    Unreadable = 10,

    /// <summary>There is no libvips for this machine.</summary>
    NoLibrary = 11,
}
