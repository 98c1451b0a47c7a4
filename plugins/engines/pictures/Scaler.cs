using System.Globalization;
using NetVips;

namespace Nexus.Engines.Pictures;

/// <summary>The program of a picture: reads it from the standard input, writes it as WebP to the standard output.</summary>
internal static class Scaler
{
    // The most that the format can say.
    private const int MaxHeight = 16_383;
    private const int Quality = 80;

    /// <summary>Of many that the library has, what is read of strangers.</summary>
    private static readonly string[] Formats = ["Jpeg", "Png", "Webp", "Nsgif"];

    private static int Main(string[] arguments)
    {
        Confinement.Enter();
        return (int)Run(int.Parse(arguments[0], CultureInfo.InvariantCulture));
    }

    private static ScalerExit Run(int width)
    {
        if (!ModuleInitializer.VipsInitialized)
        {
            return ScalerExit.NoLibrary;
        }

        try
        {
            Scale(width);
            return ScalerExit.Scaled;
        }
        catch (VipsException e)
        {
            var lines = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            Console.Error.Write(lines.Length > 1 ? lines[1] : e.Message);
            return ScalerExit.Unreadable;
        }
        catch (NotAllowedException e)
        {
            Console.Error.Write(e.Message);
            return ScalerExit.Unreadable;
        }
    }

    private static void Scale(int width)
    {
        NetVips.NetVips.Concurrency = 1;
        Cache.Max = 0;
        Operation.Block("VipsForeignLoad", true);
        foreach (var format in Formats)
        {
            Operation.Block("VipsForeignLoad" + format, false);
        }

        using var input = Source.NewFromDescriptor(0);
        using var output = Target.NewToDescriptor(1);
        using var original = Open(input, width);
        using var scaled = original.ThumbnailImage(width, height: MaxHeight, size: Enums.Size.Down, outputProfile: "srgb");
        scaled.WebpsaveTarget(output, q: Quality, keep: Enums.ForeignKeep.None);
    }

    /// <summary>Opens the picture; a JPEG as small as still gives the width, which its format decodes at a fraction of the cost.</summary>
    private static Image Open(Source input, int width)
    {
        // Only the header is read by this.
        using var header = Image.NewFromSource(input, access: Enums.Access.Sequential);
        if ((long)header.Width * header.Height > Confinement.MaxPixels)
        {
            throw new NotAllowedException($"it has {header.Width:N0} × {header.Height:N0} pixels, and at most {Confinement.MaxPixels:N0} are read");
        }

        var options = new VOption();
        if (header.Get("vips-loader") is string loader && loader.StartsWith("jpeg", StringComparison.Ordinal))
        {
            bool isTurned = header.Contains("orientation") && (int)header.Get("orientation") is >= 5 and <= 8;
            int factor = (isTurned ? header.Height : header.Width) / width;
            options.Add("shrink", factor >= 8 ? 8 : factor >= 4 ? 4 : factor >= 2 ? 2 : 1);
        }

        return Image.NewFromSource(input, access: Enums.Access.Sequential, failOn: Enums.FailOn.Error, kwargs: options);
    }

    private sealed class NotAllowedException(string message) : Exception(message);
}
