using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Live;

namespace Nexus.Gateway.Tests.Platform;

/// <summary>A task followed as server-sent events.</summary>
public sealed class Task_streams
{
    [Fact]
    public async Task A_stream_of_a_task_ends_with_its_credentials()
    {
        var identity = LiveHosts.Identity();
        var running = new TaskEntry { Task = "sample.report", State = TaskState.Started, Attempt = 1 };
        await using var host = await GatewayHost.StartAsync(kestrel: true, configure: services => services.AddSingleton<ITasks>(new OneTask(running)));
        host.Plugins.Always = [identity.Plugin()];
        host.Plugins.Publish();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/tasks/{running.Id}/progress");
        request.Headers.Add("Authorization", "Bearer root");
        using var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        var first = await lines.ReadLineAsync();

        identity.Revoke("root");
        var rest = await lines.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal("event: progress", first);
        Assert.Matches("event: error\ndata: {\"code\":\"AUTHENTICATION_REQUIRED\",\"requestId\":\"[^\"]+\"}\n\n$", rest);
        await host.UntilNothingIsOpenAsync();
    }

    /// <summary>Tasks of which there is one, that never ends.</summary>
    private sealed class OneTask(TaskEntry task) : ITasks
    {
        public ValueTask<ImmutableArray<Guid>> EnqueueAsync(ImmutableArray<NewTask> tasks, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<ImmutableArray<TaskEntry>> ListAsync(TaskQuery query, CancellationToken cancellationToken = default) => new([task]);

        public ValueTask<bool> CancelAsync(Guid id, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<bool> RetryAsync(Guid id, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<ImmutableArray<TaskLogLine>> ReadLogAsync(Guid id, long after = 0, CancellationToken cancellationToken = default) => new(ImmutableArray<TaskLogLine>.Empty);
    }
}
