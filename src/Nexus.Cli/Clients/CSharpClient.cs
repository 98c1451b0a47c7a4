using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Clients;

/// <summary>Writes a client in C#: one record a schema, one method an operation, no packages.</summary>
internal sealed class CSharpClient(ApiDocument api, string space)
{
    private static readonly HashSet<string> Words = ["abstract", "as", "base", "bool", "break", "byte", "case", "catch", "char", "checked", "class", "const", "continue", "decimal", "default", "delegate", "do", "double", "else", "enum", "event", "explicit", "extern", "false", "finally", "fixed", "float", "for", "foreach", "goto", "if", "implicit", "in", "int", "interface", "internal", "is", "lock", "long", "namespace", "new", "null", "object", "operator", "out", "override", "params", "private", "protected", "public", "readonly", "ref", "return", "sbyte", "sealed", "short", "sizeof", "stackalloc", "static", "string", "struct", "switch", "this", "throw", "true", "try", "typeof", "uint", "ulong", "unchecked", "unsafe", "ushort", "using", "virtual", "void", "volatile", "while"];
    private readonly StringBuilder types = new();
    private readonly HashSet<string> names = ["NexusClient", "NexusPage", "NexusProblemException"];

    /// <summary>The files by name.</summary>
    public IReadOnlyDictionary<string, string> Write()
    {
        var methods = new StringBuilder();
        foreach (var (name, schema) in api.Schemas)
        {
            if (schema["properties"] is JsonObject) Type(ApiDocument.Pascal(name), schema);
        }

        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var operation in api.Operations.Where(o => !o.IsStream)) Method(methods, operation, used);
        return new Dictionary<string, string>
        {
            [$"{space}.csproj"] = """
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <TargetFramework>net10.0</TargetFramework>
                    <Nullable>enable</Nullable>
                    <ImplicitUsings>enable</ImplicitUsings>
                  </PropertyGroup>
                </Project>

                """,
            ["NexusClient.cs"] = Runtime.Replace("SPACE", space, StringComparison.Ordinal).Replace("TITLE", Text($"{api.Title} {api.Version}"), StringComparison.Ordinal).Replace("    METHODS\n", methods.ToString(), StringComparison.Ordinal),
            ["Types.cs"] = $"#nullable enable\nusing System.Text.Json;\nusing System.Text.Json.Serialization;\n\nnamespace {space};\n{types}",
        };
    }

    private string Type(string wanted, JsonObject schema)
    {
        var name = wanted;
        for (var n = 2; !names.Add(name); n++) name = wanted + n.ToString(CultureInfo.InvariantCulture);
        var required = (schema["required"] as JsonArray ?? []).Select(r => (string?)r).ToHashSet();
        var members = new StringBuilder();
        var taken = new HashSet<string>(StringComparer.Ordinal) { name };
        foreach (var (property, value) in schema["properties"]!.AsObject())
        {
            var one = value as JsonObject ?? [];
            var member = ApiDocument.Pascal(property);
            while (!taken.Add(member)) member += "Value";
            var must = required.Contains(property) && !ApiDocument.CanBeNull(one);
            members.Append($"    /// <summary>{Text((string?)one["description"] ?? property)}</summary>\n    [JsonPropertyName(\"{property}\")]\n    public {(must ? "required " : "")}{Of(one, name + ApiDocument.Pascal(property))}{(must ? "" : "?")} {member} {{ get; init; }}\n\n");
        }

        types.Append($"\n/// <summary>{Text((string?)schema["description"] ?? wanted)}</summary>\npublic sealed record {name}\n{{\n{members.ToString().TrimEnd('\n')}\n}}\n");
        return name;
    }

    private string Of(JsonObject schema, string inner)
    {
        schema = ApiDocument.OneForm(schema);
        if ((string?)schema["$ref"] is { } reference)
        {
            var target = ApiDocument.Pascal(reference[(reference.LastIndexOf('/') + 1)..]);
            return api.Resolve(schema)["properties"] is JsonObject ? target : "JsonElement";
        }

        var kind = schema["type"] switch { JsonValue one => (string?)one, JsonArray several => several.Select(t => (string?)t).FirstOrDefault(t => t != "null"), _ => null };
        return (kind, (string?)schema["format"]) switch
        {
            ("string", "date-time") => "DateTimeOffset",
            ("string", "date") => "DateOnly",
            ("string", "uuid") => "Guid",
            ("string", _) => "string",
            ("integer", _) => "long",
            ("number", "double") => "double",
            ("number", _) => "decimal",
            ("boolean", _) => "bool",
            ("array", _) => $"IReadOnlyList<{Of(schema["items"] as JsonObject ?? [], inner)}>",
            ("object", _) when schema["properties"] is JsonObject { Count: > 0 } => Type(inner, schema),
            ("object", _) when schema["additionalProperties"] is JsonObject { Count: > 0 } values => $"IReadOnlyDictionary<string, {Of(values, inner)}>",
            _ => "JsonElement",
        };
    }

    private void Method(StringBuilder methods, ApiOperation operation, HashSet<string> used)
    {
        var name = ApiDocument.Pascal(operation.Id);
        while (!used.Add(name)) name += "2";
        var arguments = operation.Parameters.Where(p => p.In is "path" or "query" or "header").Select(p => (Parameter: p, Type: p.In == "path" ? "string" : OfParameter(p), Name: Argument(p.Name))).ToList();
        var body = operation.Body is not { } sent ? null : sent.Type == "application/merge-patch+json" ? "JsonObject" : sent.IsJson ? Of(sent.Schema, name + "Body") : "HttpContent";
        var content = operation.Answer.Content;
        var answer = content is null ? operation.Answer.Status == 204 ? null : "JsonElement" : !content.IsJson ? "string" : Of(content.Schema, name + "Answer");
        if (operation.Answer.IsPaged && content is { IsJson: true } && content.Schema["items"] is JsonObject items) answer = $"NexusPage<{Of(items, name + "Answer")}>";
        var list = arguments.Where(a => a.Parameter.IsRequired).Select(a => $"{a.Type} {a.Name}").ToList();
        if (body is not null && operation.Body!.IsRequired) list.Add($"{body} body");
        list.AddRange(arguments.Where(a => !a.Parameter.IsRequired).Select(a => $"{a.Type}? {a.Name} = null"));
        if (body is not null && !operation.Body!.IsRequired) list.Add($"{body}? body = null");
        list.Add("CancellationToken cancellationToken = default");
        var send = answer is null ? "SendAsync" : answer.StartsWith("NexusPage<", StringComparison.Ordinal) ? $"PageAsync<{answer["NexusPage<".Length..^1]}>" : $"SendAsync<{answer}>";
        methods.Append($"\n    /// <summary>{Text(operation.Summary)}</summary>\n{(operation.IsDeprecated ? "    [Obsolete(\"This operation will go away.\")]\n" : "")}")
            .Append($"    public Task{(answer is null ? "" : $"<{answer}>")} {name}Async({string.Join(", ", list)}) =>\n        {send}(HttpMethod.{Verb(operation.Method)}, $\"{Path(operation.Path)}\", [{string.Join(", ", arguments.Where(a => a.Parameter.In == "query").Select(a => $"(\"{a.Parameter.Name}\", {a.Name})"))}], [{string.Join(", ", arguments.Where(a => a.Parameter.In == "header").Select(a => $"(\"{a.Parameter.Name}\", {a.Name})"))}], {(body is null ? "null" : body == "HttpContent" ? "body" : $"Json(body, \"{operation.Body!.Type}\")")}, cancellationToken);\n");
    }

    private static string OfParameter(ApiParameter parameter) => (string?)parameter.Schema["type"] switch { "integer" => "long", "boolean" => "bool", "object" => "JsonObject", _ => "string" };

    private static string Verb(string method) => method[0] + method[1..].ToLowerInvariant();

    private static string Path(string path) => System.Text.RegularExpressions.Regex.Replace(path, @"\{(\w+)\}", match => $"{{Uri.EscapeDataString({Argument(match.Groups[1].Value)})}}");

    private static string Argument(string name)
    {
        var pascal = ApiDocument.Pascal(name);
        var camel = char.ToLowerInvariant(pascal[0]) + pascal[1..];
        return Words.Contains(camel) ? "@" + camel : camel is "body" or "cancellationToken" ? camel + "Value" : camel;
    }

    private static string Text(string text) => System.Net.WebUtility.HtmlEncode(text.ReplaceLineEndings(" "));

    private const string Runtime = """"
        #nullable enable
        using System.Net.Http.Headers;
        using System.Text;
        using System.Text.Json;
        using System.Text.Json.Nodes;

        namespace SPACE;

        /// <summary>A client of TITLE. Thread-safe, as far as its HttpClient is.</summary>
        /// <param name="http">Sends the requests; its BaseAddress is the host, its default headers may have credentials.</param>
        public sealed class NexusClient(HttpClient http)
        {
            private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull };

            /// <summary>Makes a client of a host with a bearer token or API key; none for a host that asks for none.</summary>
            public NexusClient(Uri host, string? token = null)
                : this(new HttpClient { BaseAddress = host, DefaultRequestHeaders = { Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token) } })
            {
            }
            METHODS

            private static HttpContent? Json<T>(T body, string type) => body is null ? null : new StringContent(JsonSerializer.Serialize(body, Options), Encoding.UTF8, type);

            private async Task SendAsync(HttpMethod method, string path, (string Name, object? Value)[] query, (string Name, object? Value)[] headers, HttpContent? content, CancellationToken cancellationToken)
            {
                using var answer = await AnswerAsync(method, path, query, headers, content, cancellationToken).ConfigureAwait(false);
            }

            private async Task<T> SendAsync<T>(HttpMethod method, string path, (string Name, object? Value)[] query, (string Name, object? Value)[] headers, HttpContent? content, CancellationToken cancellationToken)
            {
                using var answer = await AnswerAsync(method, path, query, headers, content, cancellationToken).ConfigureAwait(false);
                return await ReadAsync<T>(answer, cancellationToken).ConfigureAwait(false);
            }

            private async Task<NexusPage<T>> PageAsync<T>(HttpMethod method, string path, (string Name, object? Value)[] query, (string Name, object? Value)[] headers, HttpContent? content, CancellationToken cancellationToken)
            {
                using var answer = await AnswerAsync(method, path, query, headers, content, cancellationToken).ConfigureAwait(false);
                var records = await ReadAsync<IReadOnlyList<T>>(answer, cancellationToken).ConfigureAwait(false);
                var cursor = answer.Headers.TryGetValues("Link", out var links) ? System.Text.RegularExpressions.Regex.Match(string.Join(",", links), "[?&]cursor=([^&>]+)[^>]*>; rel=\"next\"") : null;
                var total = answer.Headers.TryGetValues("X-Total-Count", out var counts) && long.TryParse(counts.First(), out var count) ? count : (long?)null;
                return new NexusPage<T>(records, cursor is { Success: true } ? Uri.UnescapeDataString(cursor.Groups[1].Value) : null, total);
            }

            private static async Task<T> ReadAsync<T>(HttpResponseMessage answer, CancellationToken cancellationToken)
            {
                if (typeof(T) == typeof(string) && answer.Content.Headers.ContentType?.MediaType?.Contains("json") != true)
                    return (T)(object)await answer.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
                var bytes = await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
                return bytes.Length == 0 ? default! : JsonSerializer.Deserialize<T>(bytes, Options)!;
            }

            private async Task<HttpResponseMessage> AnswerAsync(HttpMethod method, string path, (string Name, object? Value)[] query, (string Name, object? Value)[] headers, HttpContent? content, CancellationToken cancellationToken)
            {
                var parameters = query.Where(one => one.Value is not null).Select(one => $"{one.Name}={Uri.EscapeDataString(Text(one.Value!))}").ToList();
                using var request = new HttpRequestMessage(method, path.TrimStart('/') + (parameters.Count == 0 ? "" : "?" + string.Join('&', parameters))) { Content = content };
                request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
                request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("*/*", 0.5));
                foreach (var (name, value) in headers.Where(one => one.Value is not null))
                    request.Headers.TryAddWithoutValidation(name, Text(value!));
                var answer = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
                if (answer.IsSuccessStatusCode)
                    return answer;
                using (answer)
                    throw NexusProblemException.Of((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false));
            }

            private static string Text(object value) => value switch
            {
                bool flag => flag ? "true" : "false",
                JsonObject json => json.ToJsonString(),
                _ => Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture)!,
            };
        }

        /// <summary>One page of a list.</summary>
        /// <param name="Records">The records.</param>
        /// <param name="NextCursor">What to give as cursor for the next page; null at the end.</param>
        /// <param name="Total">All matches, when count was asked for.</param>
        public sealed record NexusPage<T>(IReadOnlyList<T> Records, string? NextCursor, long? Total);

        /// <summary>The host refused (problem details, RFC 9457).</summary>
        public sealed class NexusProblemException(int status, string code, string detail, JsonObject? problem) : Exception($"{code}: {detail}")
        {
            /// <summary>Status of the answer.</summary>
            public int Status { get; } = status;

            /// <summary>Stable code.</summary>
            public string Code { get; } = code;

            /// <summary>The whole problem; null when the answer had none.</summary>
            public JsonObject? Problem { get; } = problem;

            internal static NexusProblemException Of(int status, string body)
            {
                JsonObject? problem = null;
                try
                {
                    problem = JsonNode.Parse(body) as JsonObject;
                }
                catch (JsonException)
                {
                    // Something between here and the host answered.
                }

                return new NexusProblemException(status, (string?)problem?["code"] ?? status.ToString(System.Globalization.CultureInfo.InvariantCulture), (string?)problem?["detail"] ?? "The host refused.", problem);
            }
        }

        """";
}
