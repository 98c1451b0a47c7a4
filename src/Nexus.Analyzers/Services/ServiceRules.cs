using Microsoft.CodeAnalysis;

namespace Nexus.Analyzers.Services;

/// <summary>What a service contract may not have. All are errors: a contract is called across processes, and what cannot cross would fail there only.</summary>
internal static class ServiceRules
{
    private const string Category = "Nexus.Services";

    public static readonly DiagnosticDescriptor NotAsync = Rule("NX1001", "A contract method returns a task",
        "{0} returns {1}; the provider may be in another process. Return Task, Task<T>, ValueTask or ValueTask<T>.");

    public static readonly DiagnosticDescriptor ByReference = Rule("NX1002", "A contract method takes its parameters by value",
        "The parameter {1} of {0} is ref, out or in, which cannot cross a process. Pass it by value and return the result.");

    public static readonly DiagnosticDescriptor GenericMethod = Rule("NX1003", "A contract method is not generic",
        "{0} is generic; across processes its type arguments are not known. Declare one method for each type, or pass JSON.");

    public static readonly DiagnosticDescriptor NotSerialisable = Rule("NX1004", "A contract's types can be written as JSON",
        "{0} uses {1}: {2}. Use a record of simple values instead.");

    public static readonly DiagnosticDescriptor Overload = Rule("NX1005", "Methods of a contract have different names",
        "{0} is overloaded; calls across processes go by name alone. Rename one of them.");

    public static readonly DiagnosticDescriptor NotAMethod = Rule("NX1006", "A contract has methods only",
        "{0} is a property or an event; a proxy cannot await it. Declare a method that returns a task; for events use the event bus.");

    public static readonly DiagnosticDescriptor GenericContract = Rule("NX1007", "A contract is not generic",
        "{0} is a generic interface; its proxy could not be found by name. Declare an interface for each type.");

    public static readonly DiagnosticDescriptor OutOfReach = Rule("NX1008", "A contract can be reached by its proxy",
        "{0} is private, protected or file-local; the generated proxy stands beside it. Make it public (or internal) and do not nest it in a private type.");

    public static readonly DiagnosticDescriptor TokenPlace = Rule("NX1009", "The cancellation token comes last",
        "{0} has a CancellationToken that is not its last parameter, or several; it is not part of the JSON arguments. Make it one, and the last.");

    public static DiagnosticDescriptor[] All { get; } = [NotAsync, ByReference, GenericMethod, NotSerialisable, Overload, NotAMethod, GenericContract, OutOfReach, TokenPlace];

    private static DiagnosticDescriptor Rule(string id, string title, string message) =>
        new(id, title, message, Category, DiagnosticSeverity.Error, isEnabledByDefault: true);
}
