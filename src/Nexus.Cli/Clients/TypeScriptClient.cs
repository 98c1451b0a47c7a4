using System.Text;
using System.Text.Json.Nodes;
using static Nexus.Cli.Clients.TypeScriptTypes;

namespace Nexus.Cli.Clients;

/// <summary>Writes a client in TypeScript: one type a schema, one method an operation, by <c>fetch</c>; no packages.</summary>
internal sealed class TypeScriptClient(ApiDocument api)
{
    /// <summary>The files by name.</summary>
    public IReadOnlyDictionary<string, string> Write()
    {
        var methods = new StringBuilder();
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var operation in api.Operations.Where(o => !o.IsStream)) Method(methods, operation, used);
        return new Dictionary<string, string>
        {
            ["client.ts"] = Runtime.Replace("TITLE", Text($"{api.Title} {api.Version}"), StringComparison.Ordinal).Replace("  METHODS\n", methods.ToString(), StringComparison.Ordinal) + Schemas(api),
            ["tsconfig.json"] = """
                {
                  "compilerOptions": { "target": "es2022", "module": "nodenext", "lib": ["es2022", "dom"], "strict": true, "noUncheckedIndexedAccess": true, "declaration": true, "outDir": "dist", "types": [] },
                  "include": ["client.ts"]
                }

                """,
            ["package.json"] = """
                {
                  "name": "nexus-client",
                  "version": "0.0.0",
                  "private": true,
                  "type": "module",
                  "main": "dist/client.js",
                  "types": "dist/client.d.ts"
                }

                """,
        };
    }

    private static void Method(StringBuilder methods, ApiOperation operation, HashSet<string> used)
    {
        var pascal = ApiDocument.Pascal(operation.Id);
        var name = char.ToLowerInvariant(pascal[0]) + pascal[1..];
        while (!used.Add(name)) name += "2";
        var path = operation.Parameters.Where(p => p.In == "path").ToList();
        var options = operation.Parameters.Where(p => p.In is "query" or "header").ToList();
        var arguments = path.Select(p => $"{Argument(p.Name)}: string").ToList();
        if (operation.Body is { } body) arguments.Add($"body{(body.IsRequired ? "" : "?")}: {(body.IsJson ? Of(body.Schema, "  ") : "BodyInit")}");
        if (options.Count > 0) arguments.Add($"options: {{ {string.Join("; ", options.Select(p => $"{Name(p.Name)}{(p.IsRequired ? "" : "?")}: {OfParameter(p)}"))} }}{(options.Any(p => p.IsRequired) ? "" : " = {}")}");
        var content = operation.Answer.Content;
        var answer = content is null ? operation.Answer.Status == 204 ? "void" : "unknown" : content.IsJson ? Of(content.Schema, "  ") : "string";
        var paged = operation.Answer.IsPaged && content?.Schema["items"] is JsonObject;
        if (paged) answer = $"Page<{Of((JsonObject)content!.Schema["items"]!, "  ")}>";
        var written = System.Text.RegularExpressions.Regex.Replace(operation.Path, @"\{(\w+)\}", match => $"${{encodeURIComponent({Argument(match.Groups[1].Value)})}}");
        string Pick(string place) => $"{{ {string.Join(", ", options.Where(p => p.In == place).Select(p => $"{Name(p.Name)}: options[{System.Text.Json.JsonSerializer.Serialize(p.Name)}]"))} }}";
        methods.Append($"\n  /** {Text(operation.Summary)}{(operation.IsDeprecated ? " @deprecated" : "")} */\n  {name}({string.Join(", ", arguments)}): Promise<{answer}> {{\n")
            .Append($"    return this.{(paged ? "page" : "send")}('{operation.Method}', `{written}`, {Pick("query")}, {Pick("header")}, {(operation.Body is null ? "undefined, undefined" : $"body, '{operation.Body.Type}'")});\n  }}\n");
    }

    private static string OfParameter(ApiParameter parameter) => (string?)parameter.Schema["type"] switch { "integer" => "number", "boolean" => "boolean", "object" => "Record<string, unknown>", _ => "string" };

    private static string Argument(string name)
    {
        var pascal = ApiDocument.Pascal(name);
        var camel = char.ToLowerInvariant(pascal[0]) + pascal[1..];
        return camel is "body" or "options" or "default" or "function" or "class" or "new" or "delete" or "in" or "package" or "export" or "import" ? camel + "Value" : camel;
    }

    private const string Runtime = """
        /** A client of TITLE. */
        export class NexusClient {
          constructor(private readonly host: string, private readonly token?: string, private readonly fetcher: typeof fetch = fetch) {}
          METHODS

          private async page<T>(method: string, path: string, query: object, headers: object, body?: unknown, type?: string): Promise<Page<T>> {
            const answer = await this.answer(method, path, query, headers, body, type);
            const next = /[?&]cursor=([^&>]+)[^>]*>; rel="next"/.exec(answer.headers.get('link') ?? '');
            const total = answer.headers.get('x-total-count');
            return { records: (await answer.json()) as T[], nextCursor: next?.[1] === undefined ? undefined : decodeURIComponent(next[1]), total: total === null ? undefined : Number(total) };
          }

          private async send<T>(method: string, path: string, query: object, headers: object, body?: unknown, type?: string): Promise<T> {
            const answer = await this.answer(method, path, query, headers, body, type);
            const text = await answer.text();
            const json = answer.headers.get('content-type')?.includes('json') ?? false;
            return (text.length === 0 ? undefined : json ? JSON.parse(text) : text) as T;
          }

          private async answer(method: string, path: string, query: object, headers: object, body?: unknown, type?: string): Promise<Response> {
            const address = new URL(path, this.host);
            for (const [name, value] of Object.entries(query)) {
              if (value !== undefined) address.searchParams.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
            }
            const sent: Record<string, string> = { accept: 'application/json, */*;q=0.5' };
            if (this.token !== undefined) sent['authorization'] = `Bearer ${this.token}`;
            for (const [name, value] of Object.entries(headers)) {
              if (value !== undefined) sent[name] = String(value);
            }
            const json = body !== undefined && (type?.includes('json') ?? false);
            if (json) sent['content-type'] = type!;
            const answer = await this.fetcher(address, { method, headers: sent, body: body === undefined ? undefined : json ? JSON.stringify(body) : (body as BodyInit) });
            if (answer.ok) return answer;
            const text = await answer.text();
            let problem: Record<string, unknown> = {};
            try {
              problem = JSON.parse(text) as Record<string, unknown>;
            } catch {
              // Something between here and the host answered.
            }
            throw new NexusProblem(answer.status, String(problem['code'] ?? answer.status), String(problem['detail'] ?? 'The host refused.'), problem);
          }
        }

        /** One page of a list; give nextCursor as cursor for the next one. */
        export interface Page<T> {
          records: T[];
          nextCursor?: string | undefined;
          total?: number | undefined;
        }

        /** The host refused (problem details, RFC 9457). */
        export class NexusProblem extends Error {
          constructor(readonly status: number, readonly code: string, readonly detail: string, readonly problem: Record<string, unknown>) {
            super(`${code}: ${detail}`);
          }
        }

        """;
}
