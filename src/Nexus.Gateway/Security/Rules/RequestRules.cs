using System.Buffers;
using System.Collections.Immutable;
using System.Net;
using System.Text.RegularExpressions;

namespace Nexus.Gateway.Security.Rules;

/// <summary>
/// Knows the probes that scanners and attackers put into addresses: SQL injection, scripts, path traversal and shell commands. It looks at the path
/// and at each value of the query, after undoing up to five layers of percent-encoding. Bodies are not looked at: they are checked against their
/// schema, stored as data and written out escaped. Rules ask for the shape of an attack (a quote that ends a literal and an operator after it,
/// a tag with a handler), not for words, so that names with apostrophes and sentences with "select" or "drop" pass.
/// </summary>
internal static partial class RequestRules
{
    private const int MaxLayers = 5;
    private static readonly SearchValues<char> Suspicious = SearchValues.Create("%+'\"`<>;|$(){}\\:=#*");

    /// <summary>Every rule, for the status.</summary>
    public static ImmutableArray<string> Names { get; } = ["path-traversal", "hidden-file", "control-character", "sql-injection", "script", "command", "template"];

    /// <summary>The name of the rule that a request breaks, or null.</summary>
    /// <param name="target">The request target as it came, before any decoding; path and query.</param>
    public static string? Find(string target)
    {
        // The limit of a pattern is wall-clock time: on a busy machine an ordinary text can meet it once, a text that is made to be slow to read meets it again.
        try
        {
            return FindIn(target);
        }
        catch (RegexMatchTimeoutException)
        {
            try
            {
                return FindIn(target);
            }
            catch (RegexMatchTimeoutException)
            {
                return "slow-pattern";
            }
        }
    }

    private static string? FindIn(string target)
    {
        var mark = target.IndexOf('?', StringComparison.Ordinal);
        var path = mark < 0 ? target : target[..mark];
        if (FindInPath(path) is { } broken)
            return broken;
        return mark < 0 || mark == target.Length - 1 ? null : FindInQuery(target.AsSpan(mark + 1));
    }

    private static string? FindInPath(string path)
    {
        // Nearly every path is letters, digits, dashes and single dots.
        if (path.AsSpan().IndexOfAny(Suspicious) < 0 && !path.Contains("..", StringComparison.Ordinal) && !path.Contains("/.", StringComparison.Ordinal))
            return null;
        var plain = Decode(path);
        return Control(plain) ? "control-character"
            : PathTraversal().IsMatch(plain) ? "path-traversal"
            : HiddenFile().IsMatch(plain) ? "hidden-file"
            : FindInText(plain);
    }

    private static string? FindInQuery(ReadOnlySpan<char> query)
    {
        while (!query.IsEmpty)
        {
            var end = query.IndexOf('&');
            var pair = end < 0 ? query : query[..end];
            query = end < 0 ? [] : query[(end + 1)..];
            var equals = pair.IndexOf('=');
            if (FindInPart(equals < 0 ? pair : pair[..equals]) is { } inName)
                return inName;
            if (equals >= 0 && FindInPart(pair[(equals + 1)..]) is { } inValue)
                return inValue;
        }
        return null;
    }

    private static string? FindInPart(ReadOnlySpan<char> part)
    {
        if (part.IndexOfAny(Suspicious) < 0 && part.IndexOf("..") < 0 && part.IndexOf("/etc/") < 0)
            return null;
        var plain = Decode(part.ToString().Replace('+', ' '));
        return Control(plain) ? "control-character"
            : ValueTraversal().IsMatch(plain) ? "path-traversal"
            : FindInText(plain);
    }

    private static string? FindInText(string plain)
    {
        // Comments between words are how filters that look for words are fooled.
        var text = plain.Contains("/*", StringComparison.Ordinal) ? Comment().Replace(plain, " ") : plain;
        return Sql().IsMatch(text) || SqlTail().IsMatch(plain) || text.Length != plain.Length && Sql().IsMatch(Comment().Replace(plain, "")) ? "sql-injection"
            : Script().IsMatch(plain) ? "script"
            : Command().IsMatch(plain) ? "command"
            : Template().IsMatch(plain) ? "template"
            : null;
    }

    private static string Decode(string text)
    {
        for (var layer = 0; layer < MaxLayers && text.Contains('%', StringComparison.Ordinal); layer++)
        {
            var decoded = WebUtility.UrlDecode(text.Replace("+", "%2B", StringComparison.Ordinal));
            if (decoded == text)
                break;
            text = decoded;
        }
        return text.Contains('&', StringComparison.Ordinal) ? WebUtility.HtmlDecode(text) : text;
    }

    private static bool Control(string text) => text.AsSpan().IndexOfAnyInRange('\0', '\b') >= 0;

    [GeneratedRegex(@"(?:^|[/\\])\.\.(?:[/\\;]|$)|(?:^|[/\\])\.{3,}[/\\]", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex PathTraversal();

    [GeneratedRegex(@"(?:^|[/\\:=])\.\.[/\\]|\.{3,}//|[/\\](?:etc[/\\](?:passwd|shadow|group|hosts|sudoers)|proc[/\\]self|windows[/\\](?:win\.ini|system32))\b|^[a-z]:[/\\]|\bboot\.ini\b|^(?:file|php|phar|expect|zip|gopher|dict)://", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex ValueTraversal();

    [GeneratedRegex(@"[/\\]\.(?:git|svn|hg|env|htaccess|htpasswd|aws|ssh|docker|DS_Store)(?:[/\\.]|$)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex HiddenFile();

    [GeneratedRegex(@"/\*.*?\*/|/\*", RegexOptions.Singleline | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Comment();

    [GeneratedRegex("""
        ['"`)]\s*(?:or|and|xor|\|\||&&)\s*\(?\s*(?:not\s+)?(?:['"`][^'"`]{0,60}['"`]?|\d+|true|null)\s*(?:[=<>]|!=|r?like\b|regexp\b|is\b|in\s*\(|between\b|--|\#|;|$)
        | \b(?:or|and)\s+(['"]?)(\w{1,12})\1\s*=\s*\1\2(?!\w)
        | ^\s*-?\d+\)*\s+(?:or|and)\s+\d+\s*[=<>]+\s*\d+
        | \b(?:or|and)\s+not\s+\d+\s*[=<>]
        | \bunion\s+(?:all\s+|distinct\s+)?\(?\s*select\b\s*(?:[\d'"(@*]|null\b|\w+\s*(?:,|from\b|\())
        | ['"`)\d]\s*;\s*(?:drop|alter|create|truncate|insert|delete|update|exec|execute|shutdown|declare|grant|revoke|select|attach|pragma|vacuum|copy|waitfor|begin)\b
        | ;\s*(?:drop|alter|truncate|create)\s+(?:table|database|schema|view|index|user|role|function|procedure)\b
        | ;\s*(?:insert\s+into|delete\s+from|update\s+\w+\s+set|exec(?:ute)?\s+(?:xp_|sp_|master)|shutdown\s*(?:--|;|$|with))
        | \bselect\s+(?:\*|@@\w+|\d+|(?:distinct\s+)?(?:count|concat|char|version|user|database|group_concat|substr\w*|ascii|hex|cast|convert|sleep|load_extension|sqlite_version|current_setting|case\s+when)\b\s*\(?).{0,200}?(?:\bfrom\b|\)|--|;|$)\s*(?:\w|\(|--|;|$)
        | \bfrom\s+(?:information_schema|sqlite_master|sqlite_schema|pg_catalog|pg_shadow|pg_user|pg_sleep|sysobjects|sys\.\w+|mysql\.\w+|all_tables|dual\s*(?:$|--|\)|where))(?!\w)
        | \b(?:pg_sleep|sleep|benchmark|randomblob|load_extension|load_file|xp_cmdshell|dbms_pipe\.receive_message|utl_http\.request|extractvalue|updatexml|lo_import|pg_read_file)\s*\(\s*['"\d(]
        | \bwaitfor\s+delay\s+['"]
        | \bexec(?:ute)?\s*\(?\s*(?:master\b|xp_\w+|sp_executesql)
        | ['"`]\s*(?:having|group\s+by|order\s+by|limit|procedure\s+analyse)\s*\(?\s*\d
        | \border\s+by\s+\d+\s*(?:--|\#)
        | ['"`]\s*\|\|\s*(?:['"(]|\w+\s*\()
        | \binto\s+(?:outfile|dumpfile)\s*['"]
        | ['"`]\s*(?:and|or)\s+(?:exists|ascii|substr\w*|length|if|case|select|sleep|updatexml|extractvalue|row)\b\s*[( ]
        """, RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Sql();

    [GeneratedRegex("""['"`)]\s*(?:;\s*)?(?:--[\s-]*|\#\s*|/\*.*|;%00.*)$|^\s*['"]\s*=\s*['"]|['"]\s*=\s*['"]\s*$|^\s*['"]\s*(?:-|\^|&|\*|/)\s*['"]\s*$""", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex SqlTail();

    [GeneratedRegex("""
        <\s*/?\s*script\b
        | <\s*(?:iframe|frame|object|embed|applet|base|meta|link|style|svg|math|form|isindex|marquee|xml|xss|template|noscript)\b[^>]{0,200}?(?:[=>/]|$)
        | <[a-z!/?][^>]{0,300}?[\s/"'+]on[a-z]{3,24}\s*=
        | ["'\s/>]on(?:error|load|click|mouse\w+|focus\w*|blur|key\w+|animation\w+|toggle|pointer\w+|begin|start|wheel|copy|paste|cut|drag\w*|drop|input|change|submit|reset|select\w*|resize|scroll\w*|hashchange|message|pageshow|popstate|unload|beforeunload)\s*=\s*["'`\w(]
        | (?:^|[=("'\s,])\s*(?:java|vb|live)\s*script\s*:\s?(?:[^\s\w]|\w+\s*[(.`=])
        | \bdata\s*:\s*(?:text/html|image/svg\+xml|application/xhtml\+xml|text/xml)
        | <\s*(?:img|image|video|audio|source|input|body|a|details|button|select|textarea|table|td|div|p|b|br|x)\b[^>]{0,200}?(?:\bsrc\s*=|\bhref\s*=\s*["']?\s*(?:java|data)|\bstyle\s*=|\bbackground\s*=|\bdynsrc\s*=|\blowsrc\s*=)
        | (?:^|["'`;(>}{+\-]\s*)(?:alert|prompt|confirm|eval|settimeout|setinterval)(?:\(|`|&\#)
        | \bdocument\.(?:cookie|write(?:ln)?|location|domain|body)\b | \bwindow(?:\.(?:location|name|open)|\[) | \bstring\s*\.\s*fromcharcode\s*\(
        | <!\[cdata\[ | <!(?:entity|doctype)\b | <\?(?:xml|php|import)\b | <!--\s*\#\s*(?:exec|include)
        | \bexpression\s*\(\s*\w+\s*[(.] | -moz-binding\s*: | @import\s+['"]
        """, RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Script();

    [GeneratedRegex("""
        (?:[;|`\n]|&&|\$\()\s*(?:cat|less|more|tail|head|ls|dir|type|find|grep|rm|cp|mv|chmod|chown|touch|echo|nc|ncat|wget|curl|ping|nslookup|dig|bash|sh|zsh|python\d?|perl|ruby|php|sleep|kill|nohup|telnet)\s+(?:[-/~.$%\\'"]|\d+\b|https?:)
        | (?:\||&&|`|\$\()\s*(?:id|whoami|uname|hostname|ifconfig|netstat|printenv|env|set|ls|dir|pwd|ps|w|reboot|shutdown)\b\s*(?:-\w+)?\s*(?:$|[;|&`)])
        | ;\s*(?:whoami|uname|ifconfig|netstat|printenv|reboot)\b\s*(?:-\w+)?\s*(?:$|[;|&`)\#])
        | (?:/usr)?/s?bin/(?:sh|bash|zsh|cat|nc|id|ls|wget|curl|python\d?|perl|ping|uname|rm|env)\b
        | \$\{?IFS\}? | \(\)\s*\{\s*:?;?\s*\}\s*;
        | \bcmd(?:\.exe)?\s*/c\b | \bpowershell(?:\.exe)?\s+-
        | >\s*/(?:dev/(?:tcp|null)|etc/|tmp/)
        """, RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Command();

    [GeneratedRegex("""\$\{\s*(?:jndi|lower|upper|env|sys|java|ctx)\s*:|\$\{\s*\d+\s*[*+]\s*\d+|\{\{\s*\d+\s*[*+]\s*'?\d+'?\s*\}\}|<%=?\s*\d+\s*[*+]|\#\{\s*\d+\s*[*+]|\{\{[^}]{0,60}__class__""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Template();
}
