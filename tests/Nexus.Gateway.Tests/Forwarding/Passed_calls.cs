using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Forwarding;

namespace Nexus.Gateway.Tests.Forwarding;

/// <summary>What a gateway does with a call of gRPC.</summary>
public sealed class Passed_calls
{
    [Theory]
    [InlineData("/nexus.plugins.orders.Orders/Get", null, true)]
    [InlineData("/nexus.plugins.orders.Orders/StreamList", null, true)]
    [InlineData("/nexus.plugins.orders.Orders/Create", null, false)]
    [InlineData("/nexus.plugins.orders.Orders/Create", "a-key", true)]
    [InlineData("/nexus.plugins.orders.Orders/Batch", "a-key", false)]
    [InlineData("/nexus.plugins.orders.Totals/Get", null, false)]
    [InlineData("/nexus.plugins.orders.Totals/Get", "a-key", false)]
    [InlineData("/grpc.health.v1.Health/Check", null, true)]
    public void Only_reading_and_changes_of_resources_by_a_key_are_sent_twice(string path, string? key, bool expected)
    {
        var call = Call(path, "");
        if (key is not null)
            call.Context.Request.Headers["idempotency-key"] = key;
        var place = new Place(new Backend("one", "orders", new Breaker(new BreakerOptions(), TimeProvider.System)), "http://127.0.0.1/", "1.0.0", 1, true) { Resources = ["nexus.plugins.orders.Orders"] };

        Assert.Equal(expected, call.Passed.MayRepeat([place]));
        Assert.Equal(path[1] == 'g', call.Passed.MayRepeat([place, place with { Resources = [] }]));
    }

    [Theory]
    [InlineData("/nexus.plugins.finance.ledger.Accounts/Get", "nexus.plugins.finance.ledger")]
    [InlineData("/nexus.v1.Resources/Get", "nexus.v1")]
    [InlineData("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "grpc.reflection.v1")]
    [InlineData("/nexus.v2.Resources/Get", null)]
    [InlineData("/no.such.Service/Get", null)]
    [InlineData("/a.b", null)]
    [InlineData("/", null)]
    public void A_package_comes_from_the_path(string path, string? expected) => Assert.Equal(expected, PassedCall.PackageOf(path));

    [Fact]
    public async Task A_body_is_read_again_however_much_of_it_was_read_while_it_is_small()
    {
        var call = Call("/nexus.v1.Resources/Get", "12345678");
        var first = call.Context.Request.Body;
        _ = await first.ReadAsync(new byte[5]);

        Assert.True(call.Passed.TryRewind());
        await Assert.ThrowsAsync<IOException>(() => ReadAsync(first));
        Assert.Equal("12345678", await ReadAsync(call.Context.Request.Body));
        Assert.True(call.Passed.TryRewind());
        Assert.Equal("12345678", await ReadAsync(call.Context.Request.Body));

        var large = Call("/nexus.v1.Resources/Get", "1234567890");
        Assert.Equal("1234567890", await ReadAsync(large.Context.Request.Body));
        Assert.False(large.Passed.TryRewind());
    }

    [Fact]
    public async Task What_a_sending_that_broke_off_was_still_reading_the_next_one_gets()
    {
        var pipe = new Pipe();
        var call = Call("/nexus.v1.Resources/Get", pipe.Reader.AsStream());
        await pipe.Writer.WriteAsync("123"u8.ToArray());
        var first = call.Context.Request.Body;
        _ = await first.ReadAsync(new byte[8]);
        var pending = first.ReadAsync(new byte[8]).AsTask();

        Assert.True(call.Passed.TryRewind());
        var second = ReadAsync(call.Context.Request.Body);
        await pipe.Writer.WriteAsync("45"u8.ToArray());
        await pipe.Writer.CompleteAsync();

        Assert.Equal("12345", await second);
        await Assert.ThrowsAsync<IOException>(() => pending);
    }

    [Fact]
    public async Task Nothing_reads_the_callers_body_any_more_when_the_call_is_over()
    {
        var pipe = new Pipe();
        var call = Call("/nexus.v1.Resources/Get", pipe.Reader.AsStream());
        var pending = call.Context.Request.Body.ReadAsync(new byte[8]).AsTask();
        await call.Passed.DisposeAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pending);
        await pipe.Writer.WriteAsync("123"u8.ToArray());
        Assert.True(pipe.Reader.TryRead(out var left));
        Assert.Equal(3, left.Buffer.Length);
    }

    [Fact]
    public async Task Once_the_answer_begins_the_rest_of_a_body_passes_without_being_kept()
    {
        var pipe = new Pipe();
        var call = Call("/nexus.v1.Resources/Get", pipe.Reader.AsStream());
        await pipe.Writer.WriteAsync("12"u8.ToArray());
        _ = await call.Context.Request.Body.ReadAsync(new byte[8]);
        call.Passed.Begin();
        await pipe.Writer.WriteAsync("345"u8.ToArray());
        await pipe.Writer.CompleteAsync();

        Assert.Equal("345", await ReadAsync(call.Context.Request.Body));
        Assert.False(call.Passed.TryRewind());
    }

    [Theory]
    [InlineData("250m", 1.25)]
    [InlineData("1H", 100)]
    [InlineData("wrong", 100)]
    [InlineData(null, 100)]
    public void An_answer_begins_within_the_callers_deadline_and_a_second_or_the_gateways_time(string? deadline, double seconds)
    {
        var call = Call("/nexus.v1.Resources/Get", "");
        call.Context.Request.Headers["grpc-timeout"] = deadline;

        Assert.Equal(seconds, call.Passed.Patience(TimeSpan.FromSeconds(100)).TotalSeconds);
    }

    [Theory]
    [InlineData("14", 503)]
    [InlineData("13", 500)]
    [InlineData("5", 200)]
    public void The_breaker_hears_of_the_status_of_the_call(string status, int expected)
    {
        var call = Call("/nexus.v1.Resources/Get", "");
        call.Context.Response.Headers["grpc-status"] = status;

        Assert.Equal(expected, call.Passed.StatusOf(new NodeAnswer(200, NodeOutcome.Answered)));
    }

    private static (HttpContext Context, PassedCall Passed) Call(string path, string body) => Call(path, new MemoryStream(Encoding.UTF8.GetBytes(body)));

    private static (HttpContext Context, PassedCall Passed) Call(string path, Stream body)
    {
        var context = new DefaultHttpContext();
        context.Request.Path = path;
        context.Request.Body = body;
        return (context, new PassedCall(context, 8));
    }

    private static async Task<string> ReadAsync(Stream body)
    {
        using var reader = new StreamReader(body, leaveOpen: true);
        return await reader.ReadToEndAsync();
    }
}
