using System.Diagnostics;
using System.Text;
using Nexus.Finance.Ledger.Imports;

namespace Nexus.Finance.Ledger.Tests.Imports;

public sealed class FuzzTests
{
    private static readonly byte[][] Fragments = [.. new[] { "<", ">", "</", "<STMTTRN>", "</BANKTRANLIST>", "^\n", "!Type:Bank\n", "\"", ";", ",", "\r", "\n", "\0", "&#x", "<![CDATA[", "<!--", "-", "9999999999999999999999999999999999999999", "1.2.3", "D31/02/2020\n", "$", "]]>", "[", "\u20AC" }.Select(Encoding.UTF8.GetBytes)];

    [Theory]
    [InlineData("*.ofx", 1)]
    [InlineData("*.qif", 2)]
    [InlineData("*.csv", 3)]
    public void Damaged_files_give_a_result_or_a_nexus_error(string pattern, int seed)
    {
        var folder = Statements.Folder();
        Assert.SkipWhen(folder is null, "SKIPPED fuzzing: the folder of real statements is missing; set NEXUS_STATEMENTS to it.");
        var files = Directory.GetFiles(folder!, pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllBytes).Where(f => f.Length > 0).ToArray();
        var random = new Random(seed);
        var read = 0;

        for (var i = 0; i < 3_000; i++)
        {
            var bytes = Mutate(random, files[random.Next(files.Length)]);
            try
            {
                read += StatementReader.Read(bytes).Statements.Length;
            }
            catch (NexusException error)
            {
                Assert.NotNull(ErrorCodes.Find(error.Code));
            }
            catch (Exception error)
            {
                Assert.Fail($"Round {i} of {pattern}: {error}");
            }
        }

        Assert.True(read > 500, $"Only {read} statements were read: the mutations destroy too much to be of use.");
    }

    [Theory]
    [InlineData("<OFX><BANKTRANLIST>", "<MEMO>")]
    [InlineData("<OFX>", "<A><B></A>")]
    [InlineData("<OFX>", "</X>")]
    [InlineData("<OFX>", "<")]
    [InlineData("<OFX><STMTTRN>", "<STMTTRN><TRNAMT>1")]
    [InlineData("!Type:Bank\n", "S\n$1\n")]
    [InlineData("!Type:Bank\n", "D1/1/20\n")]
    [InlineData("date,amount\n", "\" ")]
    [InlineData("date,amount\n\"", "\"\" ")]
    [InlineData("", ",")]
    [InlineData("", "\n,")]
    public void Time_grows_no_faster_than_the_file(string start, string repeated)
    {
        var small = Time(start, repeated, 20_000);
        var large = Time(start, repeated, 200_000);

        Assert.True(large < (small * 40) + TimeSpan.FromMilliseconds(400), $"10 times the text took {small.TotalMilliseconds} then {large.TotalMilliseconds} ms.");
    }

    [Fact]
    public void A_file_beyond_the_limit_is_refused_by_its_size()
    {
        var error = Assert.Throws<NexusException>(() => StatementReader.Read(new byte[(50 * 1024 * 1024) + 1]));

        Assert.Equal("PAYLOAD_TOO_LARGE", error.Code);
    }

    private static TimeSpan Time(string start, string repeated, int count)
    {
        var bytes = Encoding.UTF8.GetBytes(start + string.Concat(Enumerable.Repeat(repeated, count)));
        var best = TimeSpan.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var watch = Stopwatch.StartNew();
            try
            {
                StatementReader.Read(bytes);
            }
            catch (NexusException)
            {
                // Either answer is right here; only the time counts.
            }
            best = watch.Elapsed < best ? watch.Elapsed : best;
        }
        return best;
    }

    internal static byte[] Mutate(Random random, byte[] file)
    {
        var bytes = new List<byte>(file);
        for (var n = random.Next(1, 5); n > 0 && bytes.Count > 1; n--)
        {
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 40), bytes.Count - at);
            switch (random.Next(7))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.RemoveRange(at, length); break;
                case 2: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 3: bytes.InsertRange(at, Fragments[random.Next(Fragments.Length)]); break;
                case 4: bytes.RemoveRange(at, bytes.Count - at); break;
                case 5: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                default: bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count / 2), Math.Min(200, bytes.Count / 2))); break;
            }
        }
        return [.. bytes];
    }
}
