using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Nexus.Analyzers.Leaks;

/// <summary>Finds what blocks or does I/O in <c>IPlugin.Configure</c> itself; lambdas in it run later and are not looked into.</summary>
internal static class ConfigureRule
{
    private static readonly string[] OutsideWorld =
    [
        "System.IO.File", "System.IO.Directory", "System.IO.FileStream", "System.IO.StreamReader", "System.IO.StreamWriter", "System.IO.FileInfo", "System.IO.DirectoryInfo",
        "System.Net.Http.HttpClient", "System.Net.Sockets.Socket", "System.Net.Sockets.TcpClient", "System.Net.Dns", "System.Diagnostics.Process",
    ];

    public static void Register(CompilationStartAnalysisContext start)
    {
        if (start.Compilation.GetTypeByMetadataName("Nexus.IPlugin")?.GetMembers("Configure").FirstOrDefault() is not { } configure)
            return;
        start.RegisterOperationBlockAction(context =>
        {
            if (context.OwningSymbol is not IMethodSymbol method || !SymbolEqualityComparer.Default.Equals(method.ContainingType.FindImplementationForInterfaceMember(configure), method))
                return;
            foreach (var operation in context.OperationBlocks.SelectMany(block => block.DescendantsAndSelf()).Where(operation => !IsInLambda(operation)))
            {
                if (Name(operation) is { } what)
                    context.ReportDiagnostic(Diagnostic.Create(LeakRules.BlockingConfigure, operation.Syntax.GetLocation(), what));
            }
        });
    }

    private static bool IsInLambda(IOperation operation)
    {
        for (var up = operation.Parent; up is not null; up = up.Parent)
        {
            if (up is IAnonymousFunctionOperation or ILocalFunctionOperation)
                return true;
        }
        return false;
    }

    private static string? Name(IOperation operation)
    {
        var member = operation switch
        {
            IInvocationOperation call => call.TargetMethod,
            IPropertyReferenceOperation { Property: { Name: "Result", ContainingType.Name: "Task" or "ValueTask" } result } => result,
            IObjectCreationOperation { Constructor: { } constructor } => constructor,
            _ => (ISymbol?)null,
        };
        if (member is null)
            return null;
        var type = member.ContainingType.OriginalDefinition.ToDisplayString();
        var blocks = member is IPropertySymbol
            || (member.Name is "Wait" or "WaitAll" or "WaitAny" && type.StartsWith("System.Threading.", System.StringComparison.Ordinal))
            || (member.Name == "GetResult" && type.Contains("Awaiter"))
            || (member.Name is "Sleep" or "Join" && type == "System.Threading.Thread");
        if (blocks)
            return $"{member.ContainingType.Name}.{member.Name}";
        var isConstructor = member.Name == ".ctor";
        return OutsideWorld.Contains(type) && !(isConstructor && type == "System.Net.Http.HttpClient")
            ? isConstructor ? $"new {member.ContainingType.Name}" : $"{member.ContainingType.Name}.{member.Name}"
            : null;
    }
}
