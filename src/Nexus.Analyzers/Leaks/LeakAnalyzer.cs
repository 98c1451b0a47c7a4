using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Nexus.Analyzers.Leaks;

/// <summary>Finds what would keep a hot plugin in memory after it was unloaded.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class LeakAnalyzer : DiagnosticAnalyzer
{
    private static readonly Dictionary<string, string> Registered = new(StringComparer.Ordinal)
    {
        ["System.Diagnostics.Metrics.Meter"] = "Take IMeterFactory from the container; it disposes its meters with the plugin.",
        ["System.Diagnostics.ActivitySource"] = "Register it as a singleton in plugin.Services; the container disposes it.",
        ["System.Threading.Timer"] = "Keep it in a field of a class that disposes it, or await a PeriodicTimer in a task with a token.",
        ["System.Timers.Timer"] = "Keep it in a field of a class that disposes it.",
        ["System.IO.FileSystemWatcher"] = "Keep it in a field of a class that disposes it.",
        ["System.Diagnostics.Metrics.MeterListener"] = "Keep it in a field of a class that disposes it.",
    };

    private static readonly Dictionary<string, string> ProcessWide = new(StringComparer.Ordinal)
    {
        ["System.ComponentModel.TypeDescriptor.AddAttributes"] = "Put the attributes on the type.",
        ["System.ComponentModel.TypeDescriptor.AddProvider"] = "Put a TypeDescriptionProvider attribute on the type.",
        ["System.AppContext.SetData"] = "Keep the value in a singleton of plugin.Services.",
        ["System.AppDomain.SetData"] = "Keep the value in a singleton of plugin.Services.",
        ["System.Text.Encoding.RegisterProvider"] = "Take the encoding from the provider itself.",
        ["System.Diagnostics.ActivitySource.AddActivityListener"] = "Leave listening to the host.",
        ["System.Threading.ThreadPool.RegisterWaitForSingleObject"] = "Wait asynchronously with a token.",
        ["System.Net.WebRequest.RegisterPrefix"] = "Use IHttpClientFactory.",
    };

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = ImmutableArray.Create(LeakRules.All);

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(static start =>
        {
            if (!HotScope.Covers(start.Compilation, start.Options, start.CancellationToken))
                return;
            start.RegisterOperationAction(DynamicUse,
                OperationKind.DynamicInvocation, OperationKind.DynamicMemberReference, OperationKind.DynamicIndexerAccess, OperationKind.DynamicObjectCreation);
            start.RegisterOperationAction(Invocation, OperationKind.Invocation);
            start.RegisterOperationAction(Creation, OperationKind.ObjectCreation);
            RegisterEvents(start);
            ConfigureRule.Register(start);
        });
    }

    private static void DynamicUse(OperationAnalysisContext context)
    {
        // A dynamic call has its member below it: one finding is enough.
        if (context.Operation.Parent is not IDynamicInvocationOperation)
            Report(context, LeakRules.Dynamic);
    }

    private static void Invocation(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        var method = call.TargetMethod;
        var name = $"{method.ContainingType.OriginalDefinition.ToDisplayString()}.{method.Name}";
        if (method.ContainingAssembly.Name == "Newtonsoft.Json")
            Report(context, LeakRules.Newtonsoft, $"{method.ContainingType.Name}.{method.Name}");
        else if (method.ContainingNamespace.ToDisplayString() == "Dapper" && method.TypeArguments.FirstOrDefault(type => SymbolEqualityComparer.Default.Equals(type.ContainingAssembly, context.Compilation.Assembly)) is { } own)
            Report(context, LeakRules.Dapper, $"{method.ContainingType.Name}.{method.Name}", own.Name);
        else if (name == "System.Runtime.InteropServices.GCHandle.Alloc")
            Report(context, LeakRules.Handle);
        else if (ProcessWide.TryGetValue(name, out var cure))
            Report(context, LeakRules.Registration, $"{method.ContainingType.Name}.{method.Name}", cure);
        else if (name is "System.Threading.Tasks.Task.Run" or "System.Threading.Tasks.TaskFactory.StartNew" && IsEndless(call))
            Report(context, LeakRules.EndlessTask);
    }

    private static void Creation(OperationAnalysisContext context)
    {
        var creation = (IObjectCreationOperation)context.Operation;
        var type = creation.Type!.ToDisplayString();
        if (creation.Type.ContainingAssembly.Name == "Newtonsoft.Json")
            Report(context, LeakRules.Newtonsoft, creation.Type.Name);
        else if (type == "System.Threading.Thread")
            Report(context, LeakRules.OwnThread);
        else if (Registered.TryGetValue(type, out var cure) && IsUnowned(creation))
            Report(context, LeakRules.Undisposed, creation.Type.Name, cure);
    }

    /// <summary>Held by a static, by nobody, or by a field of a class that has no Dispose. A local, an argument or a return value is somebody's, and not judged here.</summary>
    private static bool IsUnowned(IOperation creation)
    {
        var parent = creation.Parent;
        while (parent is IConversionOperation)
            parent = parent.Parent;
        return parent switch
        {
            IFieldInitializerOperation field => field.InitializedFields.Any(IsUnowned),
            IPropertyInitializerOperation property => property.InitializedProperties.Any(IsUnowned),
            ISimpleAssignmentOperation { Target: IFieldReferenceOperation field } => IsUnowned(field.Field),
            ISimpleAssignmentOperation { Target: IPropertyReferenceOperation property } => IsUnowned(property.Property),
            ISimpleAssignmentOperation { Target: IDiscardOperation } or IExpressionStatementOperation => true,
            _ => false,
        };
    }

    private static bool IsUnowned(ISymbol member) =>
        member.IsStatic || !member.ContainingType.AllInterfaces.Any(i => i.ToDisplayString() is "System.IDisposable" or "System.IAsyncDisposable" or "Nexus.IStop");

    private static bool IsEndless(IInvocationOperation call)
    {
        var body = call.Arguments.SelectMany(argument => argument.Descendants()).OfType<IAnonymousFunctionOperation>().FirstOrDefault();
        if (body is null)
            return false;
        var loops = body.Descendants().Any(operation => operation is IWhileLoopOperation { Condition.ConstantValue: { HasValue: true, Value: true } } or IForLoopOperation { Condition: null });
        return loops && !body.Descendants().Any(operation => operation.Type?.ToDisplayString() == "System.Threading.CancellationToken" && operation is not IDefaultValueOperation);
    }

    /// <summary>Events whose object outlives the plugin, unless the plugin removes a handler from the same event somewhere.</summary>
    private static void RegisterEvents(CompilationStartAnalysisContext start)
    {
        var added = new ConcurrentBag<(IEventSymbol Event, Location Place)>();
        var removed = new ConcurrentDictionary<IEventSymbol, bool>(SymbolEqualityComparer.Default);
        start.RegisterOperationAction(context =>
        {
            var assignment = (IEventAssignmentOperation)context.Operation;
            if (assignment.EventReference is not IEventReferenceOperation { Event: var subject } || SymbolEqualityComparer.Default.Equals(subject.ContainingAssembly, context.Compilation.Assembly))
                return;
            if (!assignment.Adds)
                removed[subject] = true;
            else if (subject.IsStatic || subject.ContainingType.ToDisplayString() is "System.AppDomain" or "System.Runtime.Loader.AssemblyLoadContext")
                added.Add((subject, assignment.Syntax.GetLocation()));
        }, OperationKind.EventAssignment);
        start.RegisterCompilationEndAction(context =>
        {
            foreach (var (subject, place) in added.Where(one => !removed.ContainsKey(one.Event)))
                context.ReportDiagnostic(Diagnostic.Create(LeakRules.StaticEvent, place, $"{subject.ContainingType.Name}.{subject.Name}"));
        });
    }

    private static void Report(OperationAnalysisContext context, DiagnosticDescriptor rule, params object[] arguments) =>
        context.ReportDiagnostic(Diagnostic.Create(rule, context.Operation.Syntax.GetLocation(), arguments));
}
