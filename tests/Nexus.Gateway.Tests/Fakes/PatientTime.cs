namespace Nexus.Gateway.Tests.Fakes;

/// <summary>The system's clock with waits of a second and more made twenty times as long: what the node gives a caller seconds for cannot be missed by a test on a machine that stalls.</summary>
internal sealed class PatientTime : TimeProvider
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime >= TimeSpan.FromSeconds(1) ? dueTime * 20 : dueTime, period);
}
