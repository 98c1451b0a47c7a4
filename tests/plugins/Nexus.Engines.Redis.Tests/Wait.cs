namespace Nexus.Engines.Redis.Tests;

internal static class Wait
{
    public static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Waits, at most a minute or two, until something holds.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        for (var i = 0; i < 6000; i++)
        {
            if (await holds())
                return;
            await Task.Delay(10, Token);
        }
        Assert.Fail($"After long still not: {what}");
    }
}
