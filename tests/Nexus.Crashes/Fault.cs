namespace Nexus.Crashes;

/// <summary>One method a way in which an exception escapes.</summary>
public static class Fault
{
    private static Timer? timer;

    public static void ThreadFault()
    {
        var thread = new Thread(Throw);
        thread.Start();
        thread.Join();
    }

    public static void AsyncVoid() => ThrowLater();

    public static void PoolItem() => ThreadPool.QueueUserWorkItem(_ => Throw());

    public static void UnsafePoolItem() => ThreadPool.UnsafeQueueUserWorkItem(_ => Throw(), null);

    public static void TimerCallback() => timer = new Timer(_ => Throw(), null, 0, Timeout.Infinite);

    public static void FrameworkFrameOnTop() => ThreadPool.QueueUserWorkItem(_ => Console.WriteLine(new List<int>().First()));

    public static void OwnException() => ThreadPool.QueueUserWorkItem(_ => throw new CrashException());

    public static void CancelledTokenCallback()
    {
        var source = new CancellationTokenSource();
        source.Token.Register(Throw);
        source.CancelAfter(1);
    }

    private static async void ThrowLater()
    {
        await Task.Yield();
        Throw();
    }

    private static void Throw() => throw new InvalidOperationException("escaped");

    private sealed class CrashException : Exception;
}
