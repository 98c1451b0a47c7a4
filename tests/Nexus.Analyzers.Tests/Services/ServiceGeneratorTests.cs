using System.Text;

namespace Nexus.Analyzers.Tests.Services;

public sealed class ServiceGeneratorTests
{
    private const string Contract = """
        namespace Shop;
        [ServiceContract(Name = "stock")]
        public interface IStock
        {
            Task<int> CountAsync(string sku, CancellationToken cancellationToken = default);
            ValueTask ReserveAsync(Reservation reservation);
            ValueTask<IReadOnlyList<string>> ListAsync(int? limit, string? @class);
            Task ClearAsync();
        }
        public sealed record Reservation(string Sku, int Quantity, Money Price);
        """;

    private const string Provider = """
        namespace Shop;
        public sealed class Stock : IStock
        {
            public string Log = "";
            public Task<int> CountAsync(string sku, CancellationToken cancellationToken) => Task.FromResult(sku.Length);
            public async ValueTask ReserveAsync(Reservation reservation) { await Task.Yield(); Log += reservation; }
            public ValueTask<IReadOnlyList<string>> ListAsync(int? limit, string? @class) => new(new[] { $"{limit}", @class ?? "none" });
            public Task ClearAsync() => throw new InvalidOperationException("broken");
        }
        public static class Consumer
        {
            public static async Task<string> UseAsync(IStock stock)
            {
                await stock.ReserveAsync(new("tea", 2, new Money(1.50m, "EUR")));
                return $"{await stock.CountAsync("tea")} {string.Join("/", await stock.ListAsync(3, null))}";
            }
            public static ServiceShape<IStock> Shape => ServiceShape.For<IStock>();
            public static object Proxy(ServiceSlot slot) => Shape.CreateProxy(slot);
        }
        """;

    [Fact]
    public async Task A_proxy_calls_the_provider_directly()
    {
        var shop = Compiled.From(Contract + Provider.Replace("namespace Shop;", "")).Load();
        var stock = Activator.CreateInstance(shop.GetType("Shop.Stock")!)!;
        var target = new RecordingTarget(stock);

        var answer = await UseAsync(shop, target);

        Assert.Equal("3 3/none", answer);
        Assert.Equal(["exit", "exit", "exit"], target.Log);
        Assert.Equal("Reservation { Sku = tea, Quantity = 2, Price = Money { Amount = 1.50, Currency = EUR } }", stock.GetType().GetField("Log")!.GetValue(stock));
    }

    [Fact]
    public async Task A_proxy_sends_json_when_the_provider_has_another_copy_of_the_contract()
    {
        var consumer = Compiled.From(Contract + Provider.Replace("namespace Shop;", "")).Load();
        var provider = Compiled.From(Contract + Provider.Replace("namespace Shop;", "")).Load();
        var stock = Activator.CreateInstance(provider.GetType("Shop.Stock")!)!;
        var shape = provider.GetType("Shop.Consumer")!.GetProperty("Shape")!.GetValue(null)!;
        var dispatch = shape.GetType().GetMethod("DispatchAsync")!.CreateDelegate<ServiceDispatch>(shape);
        var target = new RecordingTarget(stock, dispatch);

        var answer = await UseAsync(consumer, target);

        Assert.Equal("3 3/none", answer);
        Assert.Equal(
            [
                """ReserveAsync [{"sku":"tea","quantity":2,"price":{"amount":"1.50","currency":"EUR"}}]""",
                """CountAsync ["tea"]""",
                """ListAsync [3,null]""",
            ],
            target.Log);
    }

    [Fact]
    public async Task A_provider_that_throws_before_its_first_await_fails_the_task()
    {
        var shop = Compiled.From(Contract + Provider.Replace("namespace Shop;", "")).Load();
        var target = new RecordingTarget(Activator.CreateInstance(shop.GetType("Shop.Stock")!)!);
        var proxy = shop.GetType("Shop.Consumer")!.GetMethod("Proxy")!.Invoke(null, [new FixedSlot(target)])!;

        var task = (Task)shop.GetType("Shop.IStock")!.GetMethod("ClearAsync")!.Invoke(proxy, null)!;

        var error = await Assert.ThrowsAsync<NexusException>(() => task);
        Assert.Equal("failed as told", error.Message);
        Assert.Equal(["fail ClearAsync InvalidOperationException"], target.Log);
    }

    [Fact]
    public void The_shape_names_contract_and_methods()
    {
        var shop = Compiled.From(Contract + Provider.Replace("namespace Shop;", "")).Load();
        var shape = shop.GetType("Shop.Consumer")!.GetProperty("Shape")!.GetValue(null)!;

        Assert.Equal("stock", shape.GetType().GetProperty("Name")!.GetValue(shape));
        Assert.Equal(["CountAsync", "ReserveAsync", "ListAsync", "ClearAsync"], (IEnumerable<string>)shape.GetType().GetProperty("Methods")!.GetValue(shape)!);
    }

    [Theory]
    [InlineData("NX1001", "int Count();")]
    [InlineData("NX1001", "void Clear();")]
    [InlineData("NX1002", "Task AddAsync(in int count);")]
    [InlineData("NX1003", "Task AddAsync<T>(T value);")]
    [InlineData("NX1004", "Task AddAsync(Action done);")]
    [InlineData("NX1004", "Task<System.IO.Stream> OpenAsync();")]
    [InlineData("NX1004", "Task AddAsync(Holder holder);")]
    [InlineData("NX1004", "Task AddAsync(List<IDisposable> values);")]
    [InlineData("NX1005", "Task AddAsync(int a); Task AddAsync(string a);")]
    [InlineData("NX1006", "int Count { get; }")]
    [InlineData("NX1006", "event Action Changed;")]
    [InlineData("NX1009", "Task AddAsync(CancellationToken token, int a);")]
    public void An_unsupported_shape_is_an_error_with_its_cause_and_fix(string id, string member)
    {
        var compiled = Compiled.From($$"""
            [ServiceContract] public interface IBad { {{member}} }
            public sealed record Holder(Func<int> Make);
            """);

        var finding = Assert.Single(compiled.Generated);
        Assert.Equal(id, finding.Id);
        Assert.Contains("IBad", finding.GetMessage(null));
        Assert.Equal("Probe.cs", finding.Location.GetLineSpan().Path);
        Assert.DoesNotContain("_Proxy", compiled.Compilation.SyntaxTrees.Last().ToString());
    }

    [Theory]
    [InlineData("NX1007", "[ServiceContract] public interface IBad<T> { Task AddAsync(); }")]
    [InlineData("NX1008", "public class Outer { [ServiceContract] private interface IBad { Task AddAsync(); } }")]
    public void A_contract_that_no_proxy_can_stand_for_is_an_error(string id, string source) =>
        Assert.Equal(id, Assert.Single(Compiled.From(source).Generated).Id);

    [Fact]
    public void A_contract_may_inherit_and_have_default_methods()
    {
        var compiled = Compiled.From("""
            public interface INamed { Task<string> NameAsync(); }
            [ServiceContract] public interface IFine : INamed
            {
                Task<Dictionary<string, ImmutableArray<decimal>>> PricesAsync(HashSet<Guid> ids, CancellationToken token);
                async Task<int> LengthAsync() => (await NameAsync()).Length;
            }
            """);

        Assert.Empty(compiled.Generated);
        Assert.NotEmpty(compiled.Image);
    }

    [Fact]
    public void A_contract_without_a_generated_proxy_says_how_to_get_one()
    {
        var error = Assert.Throws<NexusException>(ServiceShape.For<IDisposable>);

        Assert.Equal("PLUGIN_LOAD_FAILED", error.Code);
        Assert.Contains("[ServiceContract]", error.Message);
    }

    private static Task<string> UseAsync(System.Reflection.Assembly shop, ServiceTarget target)
    {
        var consumer = shop.GetType("Shop.Consumer")!;
        var proxy = consumer.GetMethod("Proxy")!.Invoke(null, [new FixedSlot(target)]);
        return (Task<string>)consumer.GetMethod("UseAsync")!.Invoke(null, [proxy])!;
    }

    private sealed class FixedSlot(ServiceTarget target) : ServiceSlot
    {
        public override ServiceTarget Enter() => target;
    }

    private sealed class RecordingTarget : ServiceTarget
    {
        private readonly ServiceDispatch? _dispatch;

        public RecordingTarget(object instance, ServiceDispatch? dispatch = null) => (Instance, _dispatch) = (instance, dispatch);

        public List<string> Log { get; } = [];

        public override void Exit() => Log.Add("exit");

        public override Exception Fail(string method, Exception error, CancellationToken cancellationToken)
        {
            Log.Add($"fail {method} {error.GetType().Name}");
            return new NexusException(ErrorCodes.InternalError, "failed as told");
        }

        public override ValueTask<ReadOnlyMemory<byte>> SendAsync(string method, ReadOnlyMemory<byte> arguments, CancellationToken cancellationToken)
        {
            Log.Add($"{method} {Encoding.UTF8.GetString(arguments.Span)}");
            return _dispatch!(Instance!, method, arguments, cancellationToken);
        }
    }
}
