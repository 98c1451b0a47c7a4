namespace Nexus.EndToEnd.Tests.Surfaces;

/// <summary>The operations that every surface carries out, in order, on records of its own.</summary>
internal static class Script
{
    /// <summary>The resource: one field of most kinds, a rule, two actions.</summary>
    public const string Shop = """
        public enum OrderStatus { Open, Paid, Cancelled }
        public sealed record Address([property: System.ComponentModel.DataAnnotations.StringLength(40)] string Street, string? City);
        public sealed record Payment([property: System.ComponentModel.DataAnnotations.StringLength(20, MinimumLength = 1)] string Note, int Tip = 0);
        public sealed record Order(
            [property: System.ComponentModel.DataAnnotations.RegularExpression("[A-Z]{1,3}-[0-9]+")] string Number,
            [property: System.ComponentModel.DataAnnotations.StringLength(40, MinimumLength = 1)] string Customer,
            [property: System.ComponentModel.DataAnnotations.Range(1, 1000)] int Quantity,
            Money? Total = null, string? Note = null, DateOnly? DueOn = null, bool Urgent = false, decimal? Weight = null, List<string>? Tags = null, Address? Address = null EXTRA) : Resource
        {
            [ReadOnlyField] public OrderStatus Status { get; init; }
        }
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.AddResource<Order>("orders", orders => orders
                .Index(o => o.Customer)
                .Unique(o => o.Number)
                .Search(o => o.Customer, o => o.Note)
                .BeforeWrite(o => o.Quantity != 13 ? o : throw new RuleViolationException("Thirteen is not sold."))
                .Action<Payment>("pay", (o, payment) => o.Status == OrderStatus.Open ? o with { Status = OrderStatus.Paid, Note = payment.Note } : throw new RuleViolationException($"The order is {o.Status}."))
                .Action("cancel", o => o.Status == OrderStatus.Open ? o with { Status = OrderStatus.Cancelled } : throw new RuleViolationException($"The order is {o.Status}.")));
        }
        """;

    private const string Nobody = "00000000-0000-7000-8000-000000000000";

    /// <summary>200 operations.</summary>
    public static IEnumerable<Step> Steps => [.. Creates, .. Gets, .. Lists, .. Updates, .. Actions, .. Deletes, .. Refusals];

    /// <summary>What is asked once more after a swap that adds the field <c>extra</c>.</summary>
    public static IEnumerable<Step> AfterSwap =>
    [
        Get("o1"), Create("x1", """{"number":"X-1","customer":"Swapped","quantity":1,"extra":"new"}"""), Get("x1"),
        Find("""{"extra":"new"}"""), Find("""{"extra":{"$ne":"new"},"customer":"Customer 03"}"""), Update("o2", """{"extra":"late"}"""), Update("o2", """{"extra":null}"""),
        Update("o2", """{"extra":5}"""), List("-extra,number", 3), new Step("list") { Words = "swapped", Count = true }, new Step("delete") { Id = "x1" }, Get("x1"),
    ];

    private static IEnumerable<Step> Creates =>
    [
        // Twenty that are found again below, then what becomes a record and what does not.
        .. Enumerable.Range(1, 20).Select(i => Create($"o{i}", $$$"""{"number":"A-{{{i}}}","customer":"Customer {{{i % 7:00}}}","quantity":{{{i * 3}}},"total":{"amount":"{{{i}}}.50","currency":"{{{(i % 2 == 0 ? "EUR" : "USD")}}}"},"note":"{{{(i % 3 == 0 ? "green apples" : "red pears")}}}","dueOn":"2030-01-{{{i:00}}}","urgent":{{{(i % 4 == 0 ? "true" : "false")}}},"weight":{{{i}}}.25,"tags":["t{{{i % 5}}}","all"],"address":{"street":"Lane {{{i}}}","city":"{{{(i % 2 == 0 ? "Ulm" : "Bonn")}}}"}}""")),
        Create("least", """{"number":"B-1","customer":"x","quantity":1}"""),
        Create("most", """{"number":"B-2","customer":"0123456789012345678901234567890123456789","quantity":1000}"""),
        Create("unicode", """{"number":"B-3","customer":"Zoë 🦊 Ünal","quantity":2,"note":"\"quoted\" \\ back, <b>, 'one'","tags":[]}"""),
        Create("nulls", """{"number":"B-4","customer":"Nulls","quantity":2,"note":null,"total":null,"dueOn":null,"weight":null,"tags":null,"address":null}"""),
        Create("exact", """{"number":"B-5","customer":"Exact","quantity":2,"total":{"amount":"12345678901234567.89","currency":"EUR"},"weight":0.1}"""),
        Create(null, """{"customer":"no number","quantity":1}"""),
        Create(null, """{"number":"C-1","quantity":1}"""),
        Create(null, """{}"""),
        Create(null, """{"number":"c-1","customer":"small letter","quantity":1}"""),
        Create(null, """{"number":"C-1","customer":"","quantity":1}"""),
        Create(null, """{"number":"C-1","customer":"01234567890123456789012345678901234567890","quantity":1}"""),
        Create(null, """{"number":"C-1","customer":"too few","quantity":0}"""),
        Create(null, """{"number":"C-1","customer":"too many","quantity":1001}"""),
        Create(null, """{"number":"C-1","customer":"rule","quantity":13}"""),
        Create(null, """{"number":"A-1","customer":"not the first of its number","quantity":1}"""),
        Create(null, """{"number":"","customer":"","quantity":-1}"""),
        Create(null, """{"number":"C-1","customer":"money","quantity":1,"total":{"amount":"much","currency":"EUR"}}"""),
        Create(null, """{"number":"C-1","customer":"street","quantity":1,"address":{"street":"01234567890123456789012345678901234567890"}}"""),
    ];

    private static IEnumerable<Step> Gets =>
    [
        .. Enumerable.Range(1, 10).Select(i => Get($"o{i}")), Get("least"), Get("most"), Get("unicode"), Get("nulls"), Get("exact"), Get(Nobody),
    ];

    private static IEnumerable<Step> Lists =>
    [
        List("number", null), List("-quantity", 5), List("customer,-quantity", 7), List("dueOn", 4), List("-total", 5), List("urgent,number", 6), List("weight", 5), List("status,number", 3), List("createdAt", 5), List("-createdAt", 5),
        List("number", 6), Next("number", 6), Next("number", 6), Next("number", 6), Next("number", 6),
        List("-customer", 9), Next("-customer", 9), Next("-customer", 9),
        Find("""{"quantity":9}"""), Find("""{"quantity":{"$eq":12}}"""), Find("""{"quantity":{"$ne":12}}"""), Find("""{"quantity":{"$gt":30}}"""), Find("""{"quantity":{"$gte":30}}"""), Find("""{"quantity":{"$lt":9}}"""), Find("""{"quantity":{"$lte":9}}"""), Find("""{"quantity":{"$in":[3,6,99]}}"""), Find("""{"quantity":{"$gte":10,"$lt":20}}"""),
        Find("""{"customer":"Customer 03"}"""), Find("""{"customer":{"$prefix":"Customer 0"}}"""), Find("""{"customer":{"$prefix":"customer"}}"""), Find("""{"customer":{"$in":["Customer 01","Zoë 🦊 Ünal"]}}"""), Find("""{"customer":{"$gt":"Customer 05"}}"""), Find("""{"number":{"$prefix":"A-1"}}"""),
        Find("""{"urgent":true}"""), Find("""{"urgent":false,"quantity":{"$gt":40}}"""), Find("""{"status":"Open","quantity":{"$lt":5}}"""), Find("""{"status":{"$in":["Paid","Cancelled"]}}"""), Find("""{"status":{"$ne":"Open"}}"""),
        Find("""{"dueOn":{"$lt":"2030-01-05"}}"""), Find("""{"dueOn":"2030-01-07"}"""), Find("""{"dueOn":{"$gte":"2030-01-18"}}"""), Find("""{"dueOn":null}"""), Find("""{"note":null}"""), Find("""{"note":{"$ne":null},"quantity":{"$lt":10}}"""),
        Find("""{"total.currency":"USD"}"""), Find("""{"total.amount":{"$gt":"15"}}"""), Find("""{"total":"3.50 USD"}"""), Find("""{"weight":{"$gt":18.25}}"""), Find("""{"weight":2.25}"""),
        Find("""{"address.city":"Ulm"}"""), Find("""{"address.street":{"$prefix":"Lane 1"}}"""),
        Find("""{"$or":[{"quantity":3},{"customer":"Nulls"}]}"""), Find("""{"$and":[{"urgent":true},{"total.currency":"EUR"}]}"""), Find("""{"$not":{"total.currency":"EUR"}}"""), Find("""{"$or":[{"$and":[{"urgent":true},{"quantity":{"$lt":20}}]},{"number":"B-1"}]}"""),
        new Step("list") { Words = "apples", Count = true, Sort = "number" }, new Step("list") { Words = "red", Limit = 4, Sort = "number" }, new Step("list") { Words = "zoë" }, new Step("list") { Words = "nothing" }, new Step("list") { Words = "green", Filter = """{"quantity":{"$gt":30}}""", Sort = "-number" }, new Step("list") { Words = "Customer 03", Sort = "number" },
        new Step("list") { Count = true, Limit = 1 }, new Step("list") { Filter = """{"quantity":-5}""", Count = true }, new Step("list") { Cursor = "not-a-cursor" }, new Step("list") { Cursor = "AAAA", Sort = "number" },
    ];

    private static IEnumerable<Step> Updates =>
    [
        Update("o1", """{"quantity":77}"""), Get("o1"), Update("o1", """{"note":null}"""), Update("o1", """{"note":"again","urgent":true}"""), Update("o1", """{"total":{"amount":"9.99","currency":"EUR"}}"""), Update("o1", """{"total":null}"""), Update("o1", """{"tags":["one","two","three"]}"""), Update("o1", """{"tags":[]}"""), Update("o1", """{"address":{"street":"Elsewhere"}}"""), Update("o1", """{"dueOn":"2031-12-31"}"""),
        Update("o1", """{}"""), Update("o2", """{"quantity":5}""") with { IfRevision = 1 }, Update("o2", """{"quantity":6}""") with { IfRevision = 1 }, Update("o2", """{"quantity":6}""") with { IfRevision = 2 }, Get("o2"), Update("o2", """{"quantity":7}""") with { IfRevision = 99 },
        Update("o3", """{"quantity":0}"""), Update("o3", """{"quantity":13}"""), Update("o3", """{"customer":""}"""), Update("o3", """{"number":"A-4"}"""), Update("o3", """{"number":"lower"}"""), Update("o3", """{"customer":"","quantity":2000}"""), Update("o3", """{"address":{"street":"01234567890123456789012345678901234567890"}}"""), Get("o3"),
        Update(Nobody, """{"quantity":5}"""), Update("unicode", """{"customer":"再见"}"""), Get("unicode"), Update("exact", """{"total":{"amount":"0.00000001","currency":"BTC"}}"""),
    ];

    private static IEnumerable<Step> Actions =>
    [
        Act("o4", "pay", """{"note":"cash"}"""), Get("o4"), Act("o4", "pay", """{"note":"cash"}"""), Act("o4", "cancel"), Act("o5", "cancel"), Act("o5", "cancel"), Act("o5", "pay", """{"note":"late"}"""), Act("o6", "pay", """{"note":"tip","tip":3}"""),
        Act("o7", "pay", """{"note":""}"""), Act("o7", "pay", """{"note":"012345678901234567890"}"""), Get("o7"), Act(Nobody, "cancel"), Act("o7", "cancel") with { IfRevision = 9 }, Act("o7", "cancel") with { IfRevision = 1 },
        Find("""{"status":"Paid"}"""), Find("""{"status":"Cancelled"}"""), Find("""{"status":{"$in":["Paid","Cancelled"]}}"""),
    ];

    private static IEnumerable<Step> Deletes =>
    [
        new Step("delete") { Id = "o8" }, Get("o8"), new Step("delete") { Id = "o8" }, new Step("delete") { Id = Nobody }, new Step("delete") { Id = "o9", IfRevision = 5 }, Get("o9"), new Step("delete") { Id = "o9", IfRevision = 1 }, Update("o9", """{"quantity":5}"""), Act("o9", "cancel"),
        Create("o8", """{"number":"A-8","customer":"the number is free again","quantity":8}"""), Get("o8"), new Step("list") { Count = true, Limit = 2, Sort = "number" },
    ];

    private static IEnumerable<Step> Refusals =>
    [
        .. new Step[] { Get("o1"), List("number", 2), new Step("list") { Words = "apples", Limit = 2, Sort = "number" } }.SelectMany(s => new[] { s with { Caller = "rae:reader" }, s with { Caller = "zoe:nobody" } }),
        .. new Step[] { Create(null, """{"number":"D-1","customer":"no","quantity":1}"""), Update("o1", """{"quantity":1}"""), Act("o10", "pay", """{"note":"no"}"""), Act("o10", "cancel"), new Step("delete") { Id = "o10" } }.SelectMany(s => new[] { s with { Caller = "rae:reader" }, s with { Caller = "zoe:nobody" } }),
        Create("mine", """{"number":"E-1","customer":"of Max","quantity":1}""") with { Caller = "max:owner" }, Get("mine") with { Caller = "max:owner" }, Get("o1") with { Caller = "max:owner" }, new Step("list") { Count = true, Caller = "max:owner" }, Update("mine", """{"quantity":2}""") with { Caller = "max:owner" }, Update("o1", """{"quantity":2}""") with { Caller = "max:owner" },
        Act("o10", "cancel") with { Caller = "max:owner" }, Act("mine", "cancel") with { Caller = "max:owner" }, new Step("delete") { Id = "o10", Caller = "max:owner" }, new Step("delete") { Id = "mine", Caller = "max:owner" }, Get("o1"), Get("o10"),
    ];

    private static Step Create(string? label, string body) => new("create") { Id = label, Body = body };

    private static Step Get(string id) => new("get") { Id = id };

    private static Step List(string sort, int? limit) => new("list") { Sort = sort, Limit = limit ?? 50 };

    private static Step Next(string sort, int limit) => new("list") { Sort = sort, Limit = limit, Next = true };

    private static Step Find(string filter) => new("list") { Filter = filter, Sort = "number", Limit = 50 };

    private static Step Update(string id, string body) => new("update") { Id = id, Body = body };

    private static Step Act(string id, string action, string? input = null) => new(action) { Id = id, Body = input };
}
