using System.Diagnostics;
using System.Globalization;
using System.Text;
using NetVips;

namespace Nexus.Engines.Pictures.Tests;

/// <summary>What becomes of pictures, in the process that the plugin starts for each.</summary>
public sealed class ScalingTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(".jpg")]
    [InlineData(".png")]
    [InlineData(".webp")]
    [InlineData(".gif")]
    public async Task Every_format_becomes_a_WebP_of_the_width(string format)
    {
        using var image = Painted.Quarters(900, 600);

        foreach (var width in PictureWidths.All.Take(4))
        {
            var scaled = await ScaleAsync(image.WriteToBuffer(format), width);
            using var read = Image.WebploadBuffer(scaled);

            Assert.Equal(("RIFF", "WEBP"), (Encoding.ASCII.GetString(scaled, 0, 4), Encoding.ASCII.GetString(scaled, 8, 4)));
            Assert.InRange(read.Height, (width * 2 / 3) - 1, (width * 2 / 3) + 1);
            Assert.Equal(width, read.Width);
            Assert.Equal("RGBW", Corners(read));
        }
    }

    [Fact]
    public async Task A_small_picture_is_not_enlarged_and_a_tall_one_is_bounded_in_its_height()
    {
        using var small = Painted.Quarters(60, 40);
        using var tall = Painted.Quarters(40, 20_000);

        using var same = Image.WebploadBuffer(await ScaleAsync(small.PngsaveBuffer(), 320));
        using var lower = Image.WebploadBuffer(await ScaleAsync(tall.PngsaveBuffer(), 1280));

        Assert.Equal((60, 40), (same.Width, same.Height));
        Assert.Equal(16_383, lower.Height);
        Assert.InRange(lower.Width, 32, 33);
    }

    [Theory]
    [InlineData(1, "RGBW")]
    [InlineData(2, "GRWB")]
    [InlineData(3, "WBGR")]
    [InlineData(4, "BWRG")]
    [InlineData(5, "RBGW")]
    [InlineData(6, "BRWG")]
    [InlineData(7, "WGBR")]
    [InlineData(8, "GWRB")]
    public async Task A_picture_stands_as_its_metadata_say_and_has_none_of_them(int orientation, string corners)
    {
        using var image = Painted.Quarters(1200, 600);
        var original = Painted.Turned(image, orientation);
        Assert.Contains(Painted.Secret, Encoding.Latin1.GetString(original), StringComparison.Ordinal);

        var scaled = await ScaleAsync(original, 160);
        using var read = Image.WebploadBuffer(scaled);

        Assert.Equal(orientation >= 5 ? (160, 320) : (160, 80), (read.Width, read.Height));
        Assert.Equal(corners, Corners(read));
        var text = Encoding.Latin1.GetString(scaled);
        Assert.DoesNotContain(Painted.Secret, text, StringComparison.Ordinal);
        Assert.All(["EXIF", "XMP ", "ICCP", "orientation"], name => Assert.DoesNotContain(name, text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_can_be_seen_through_stays_so_and_of_a_moving_picture_the_first_frame_stands()
    {
        using var clear = Painted.Plain(200, 400, 10, 200, 30, 0).Join(Painted.Plain(200, 400, 10, 200, 30, 255), Enums.Direction.Horizontal);
        using var frames = Painted.Plain(300, 300, 255, 0, 0).Join(Painted.Plain(300, 300, 0, 0, 255), Enums.Direction.Vertical).Mutate(m => m.Set(GValue.GIntType, "page-height", 300));

        using var through = Image.WebploadBuffer(await ScaleAsync(clear.PngsaveBuffer(), 160));
        using var first = Image.WebploadBuffer(await ScaleAsync(frames.GifsaveBuffer(), 160));

        Assert.Equal((4, 0, 255), (through.Bands, (int)through.Getpoint(20, 80)[3], (int)through.Getpoint(140, 80)[3]));
        Assert.Equal((160, 160), (first.Width, first.Height));
        Assert.InRange(first.Getpoint(80, 150)[0], 240, 255);
    }

    [Fact]
    public async Task Bombs_are_refused_by_their_header_in_no_time_and_little_memory()
    {
        using var image = Painted.Quarters(64, 64);
        var clock = Stopwatch.StartNew();

        Assert.Contains("60,000 × 60,000", await RefusedAsync(Painted.Png(60_000, 60_000, new byte[1_000_000])), StringComparison.Ordinal);
        Assert.Contains("8,001 × 5,000", await RefusedAsync(Painted.Png(8_001, 5_000, new byte[1_000_000])), StringComparison.Ordinal);
        Assert.Contains("65,500 × 65,500", await RefusedAsync(LargeJpeg(image.JpegsaveBuffer(), 65_500)), StringComparison.Ordinal);
        Assert.Contains("65,535 × 65,535", await RefusedAsync(LargeGif(image.GifsaveBuffer())), StringComparison.Ordinal);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(60));
    }

    [Theory]
    [InlineData(".jpg")]
    [InlineData(".png")]
    [InlineData(".webp")]
    [InlineData(".gif")]
    public async Task What_is_cut_off_is_refused_and_what_is_damaged_never_harms_the_node(string format)
    {
        using var noise = Image.Gaussnoise(300, 200, sigma: 40, mean: 128);
        using var image = noise.Bandjoin(noise, noise).Cast(Enums.BandFormat.Uchar).Copy(interpretation: Enums.Interpretation.Srgb);
        var whole = image.WriteToBuffer(format);
        var random = new Random(7);

        Assert.NotEmpty(await RefusedAsync(whole[..(whole.Length / 2)]));
        Assert.NotEmpty(await RefusedAsync(whole[..40]));
        var noisy = new byte[5000];
        random.NextBytes(noisy);
        Assert.NotEmpty(await RefusedAsync([.. whole[..12], .. noisy]));

        for (var round = 0; round < 12; round++)
        {
            var damaged = (byte[])whole.Clone();
            for (var n = 0; n <= round; n++)
                damaged[random.Next(12, damaged.Length)] = (byte)random.Next(256);
            try
            {
                await ScaleAsync(damaged, 160);
            }
            catch (NexusException e)
            {
                Assert.Equal(ErrorCodes.PictureUnreadable, e.Code);
            }
        }
    }

    [Fact]
    public async Task A_zip_or_an_SVG_is_none_of_the_formats_whatever_the_library_could_read()
    {
        Assert.NotEmpty(await RefusedAsync([.. "PK\u0003\u0004"u8, .. new byte[500]]));
        Assert.NotEmpty(await RefusedAsync("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"><rect width=\"9\" height=\"9\"/></svg>"u8.ToArray()));
        Assert.NotEmpty(await RefusedAsync("P6 2 2 255 aaaaaaaaaaaa"u8.ToArray()));
        using var image = Painted.Quarters(64, 64);
        Assert.NotEmpty(await RefusedAsync(image.TiffsaveBuffer()));
    }

    [Fact]
    public async Task The_process_has_limits_and_no_variable_of_the_node_and_ends_with_whoever_asked()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The limits are those of Linux.");
        Environment.SetEnvironmentVariable("NEXUS_TEST_SECRET", Painted.Secret);
        using var stop = new CancellationTokenSource();
        var held = new Held();
        var work = ScalerProcess.ScaleAsync(held, 80, new MemoryStream(), stop.Token).AsTask();
        await held.Asked.Task.WaitAsync(TimeSpan.FromMinutes(1), Token);
        var child = await ChildAsync();

        var variables = await File.ReadAllTextAsync($"/proc/{child}/environ", Token);
        // The program limits itself when it begins.
        var limits = await UntilAsync(() => File.ReadAllText($"/proc/{child}/limits"), l => l.Contains("805306368", StringComparison.Ordinal));
        var status = await UntilAsync(() => File.ReadAllText($"/proc/{child}/status"), s => s.Contains("NoNewPrivs:\t1", StringComparison.Ordinal));
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work);
        Assert.False(Directory.Exists($"/proc/{child}"));
        Assert.DoesNotContain(Painted.Secret, variables, StringComparison.Ordinal);
        Assert.DoesNotContain("HOME=", variables, StringComparison.Ordinal);
        Assert.Matches(@"Max data size\s+805306368\s+805306368", limits);
        Assert.Matches(@"Max file size\s+0\s+0", limits);
        Assert.Matches(@"Max cpu time\s+20\s+20", limits);
        Assert.Contains("NoNewPrivs:\t1", status, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_largest_picture_that_is_read_fits_into_its_memory()
    {
        // Below the limit of pixels, and decoded as a whole because it is interlaced: eight bytes a pixel.
        using var image = Painted.Plain(8_000, 4_900, 1, 2, 3, 4);
        var original = image.Cast(Enums.BandFormat.Ushort).Copy(interpretation: Enums.Interpretation.Rgb16).PngsaveBuffer(compression: 1, interlace: true);

        using var read = Image.WebploadBuffer(await ScaleAsync(original, 80));

        Assert.Equal((80, 49), (read.Width, read.Height));
    }

    private static async Task<byte[]> ScaleAsync(byte[] original, int width)
    {
        using var scaled = new MemoryStream();
        await ScalerProcess.ScaleAsync(new MemoryStream(original), width, scaled, Token);
        return scaled.ToArray();
    }

    private static async Task<string> RefusedAsync(byte[] original)
    {
        var refused = await Assert.ThrowsAsync<NexusException>(() => ScaleAsync(original, 160));
        Assert.Equal(ErrorCodes.PictureUnreadable, refused.Code);
        return refused.Message;
    }

    /// <summary>The colours of the quarters, by rows.</summary>
    private static string Corners(Image image)
    {
        var (x, y) = (image.Width / 4, image.Height / 4);
        return string.Concat(new[] { (x, y), (3 * x, y), (x, 3 * y), (3 * x, 3 * y) }.Select(at => image.Getpoint(at.Item1, at.Item2) switch
        {
            [> 180, < 90, < 90, ..] => 'R',
            [< 150, > 180, < 90, ..] => 'G',
            [< 90, < 90, > 180, ..] => 'B',
            [> 200, > 200, > 200, ..] => 'W',
            var other => throw new InvalidOperationException(string.Join(',', other)),
        }));
    }

    /// <summary>Says another size in the frame header of a JPEG.</summary>
    private static byte[] LargeJpeg(byte[] jpeg, int size)
    {
        for (var i = 2; ; i += 2 + ((jpeg[i + 2] << 8) | jpeg[i + 3]))
        {
            if (jpeg[i + 1] is not (0xc0 or 0xc2))
                continue;
            (jpeg[i + 5], jpeg[i + 6], jpeg[i + 7], jpeg[i + 8]) = ((byte)(size >> 8), (byte)size, (byte)(size >> 8), (byte)size);
            return jpeg;
        }
    }

    /// <summary>Says the greatest size in the first frame of a GIF, which counts more than that of its screen.</summary>
    private static byte[] LargeGif(byte[] gif)
    {
        var at = 13 + ((gif[10] & 0x80) == 0 ? 0 : 3 << ((gif[10] & 7) + 1));
        while (gif[at] == 0x21)
        {
            for (at += 2; gif[at] != 0; at += gif[at] + 1)
            {
            }

            at++;
        }

        Assert.Equal(0x2c, gif[at]);
        gif.AsSpan(at + 5, 4).Fill(0xff);
        return gif;
    }

    private static async Task<int> ChildAsync()
    {
        var found = await UntilAsync(
            () => Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(n => int.TryParse(n, CultureInfo.InvariantCulture, out _)).FirstOrDefault(IsChild) ?? "",
            n => n.Length > 0);
        return int.Parse(found, CultureInfo.InvariantCulture);
    }

    private static bool IsChild(string? process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/stat").Split(") ")[^1].Split(' ')[1] == Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
                && File.ReadAllText($"/proc/{process}/cmdline").Contains("Nexus.Engines.Pictures.dll\080", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static async Task<string> UntilAsync(Func<string> look, Func<string, bool> isThere)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(20, Token))
        {
            if (look() is var found && (isThere(found) || clock.Elapsed > TimeSpan.FromMinutes(1)))
                return found;
        }
    }

    /// <summary>A file of which nothing comes.</summary>
    private sealed class Held : MemoryStream
    {
        public TaskCompletionSource Asked { get; } = new();

        public override async Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken)
        {
            Asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }
    }
}
