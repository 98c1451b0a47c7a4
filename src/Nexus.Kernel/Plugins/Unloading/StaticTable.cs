using System.Collections;
using System.Collections.Immutable;
using System.Reflection;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>A table behind a static field of the framework whose keys are types or members; keys of collectible contexts are removed.</summary>
/// <param name="AssemblyName">Assembly of the owner; the step is empty while it is not loaded.</param>
/// <param name="TypeName">Full name of the owner.</param>
/// <param name="Path">Static field, then instance fields that lead to the table.</param>
internal sealed record StaticTable(string AssemblyName, string TypeName, params ImmutableArray<string> Path) : ISweepStep
{
    /// <summary>Tables that no update handler clears, found by rooting the leak corpus on .NET 10.0.</summary>
    public static ImmutableArray<StaticTable> Known { get; } =
    [
        new("System.ComponentModel.Annotations", "System.ComponentModel.DataAnnotations.ValidationAttributeStore", "<Instance>k__BackingField", "_typeStoreItems"),
        new("System.ComponentModel.Annotations", "System.ComponentModel.DataAnnotations.AssociatedMetadataTypeTypeDescriptor+TypeDescriptorCache", "s_metadataTypeCache"),
        new("System.ComponentModel.Annotations", "System.ComponentModel.DataAnnotations.AssociatedMetadataTypeTypeDescriptor+TypeDescriptorCache", "s_typeMemberCache"),
        new("System.ComponentModel.Annotations", "System.ComponentModel.DataAnnotations.AssociatedMetadataTypeTypeDescriptor+TypeDescriptorCache", "s_validatedMetadataTypeCache"),
        new("System.ComponentModel.TypeConverter", "System.ComponentModel.TypeDescriptor", "s_defaultProviderInitialized"),
        new("System.ComponentModel.TypeConverter", "System.ComponentModel.TypeDescriptor", "s_providerTypeTable"),
        new("System.ComponentModel.TypeConverter", "System.ComponentModel.ReflectTypeDescriptionProvider", "s_propertyCache"),
        new("System.ComponentModel.TypeConverter", "System.ComponentModel.ReflectTypeDescriptionProvider", "s_attributeCache"),
        new("System.ComponentModel.TypeConverter", "System.ComponentModel.ReflectTypeDescriptionProvider", "s_eventCache"),
        new("System.ComponentModel.TypeConverter", "System.ComponentModel.ReflectTypeDescriptionProvider", "s_extendedPropertyCache"),
        new("System.Linq.Expressions", "System.Linq.Expressions.Interpreter.InstructionList", "s_loadFields"),
        new("System.Linq.Expressions", "System.Linq.Expressions.Interpreter.CallInstruction", "s_cache", "_entries"),
        new("System.Linq.Expressions", "System.Dynamic.Utils.DelegateHelpers", "s_thunks", "_entries"),
        new("Microsoft.AspNetCore.Http.Extensions", "Microsoft.AspNetCore.Http.ParameterBindingMethodCache", "Instance", "_stringMethodCallCache"),
        new("Microsoft.AspNetCore.Http.Extensions", "Microsoft.AspNetCore.Http.ParameterBindingMethodCache", "Instance", "_bindAsyncMethodCallCache"),
        new("Microsoft.AspNetCore.Http.Extensions", "Microsoft.AspNetCore.Http.ParameterBindingMethodCache", "Instance", "_constructorCache"),
        new("Microsoft.AspNetCore.Http.Extensions", "Microsoft.AspNetCore.Http.ParameterBindingMethodCache", "NonThrowingInstance", "_stringMethodCallCache"),
        new("Microsoft.AspNetCore.Http.Extensions", "Microsoft.AspNetCore.Http.ParameterBindingMethodCache", "NonThrowingInstance", "_bindAsyncMethodCallCache"),
        new("Microsoft.AspNetCore.Http.Extensions", "Microsoft.AspNetCore.Http.ParameterBindingMethodCache", "NonThrowingInstance", "_constructorCache"),
    ];

    public string Name => $"{TypeName}.{string.Join('.', Path)}";

    /// <summary>The table now, or null while its owner is not loaded.</summary>
    /// <exception cref="MissingFieldException">The owner is loaded and has no such field: the runtime changed.</exception>
    public object? Find()
    {
        var assembly = System.Runtime.Loader.AssemblyLoadContext.Default.Assemblies.FirstOrDefault(a => a.GetName().Name == AssemblyName);
        if (assembly is null)
        {
            return null;
        }

        var type = assembly.GetType(TypeName) ?? throw new MissingFieldException(TypeName, Path[0]);
        object? at = null;
        foreach (var step in Path)
        {
            at = TypeKeys.Field(at?.GetType() ?? type, step).GetValue(at);
            if (at is null)
            {
                return null;
            }
        }

        return at;
    }

    public void Sweep(IReadOnlyList<Assembly> leaving)
    {
        var found = Find();
        if (found is object?[] entries)
        {
            SweepEntries(entries);
        }
        else if (found is IDictionary table)
        {
            TypeKeys.Forget(table);
        }
    }

    /// <summary>A lossy cache is an array of immutable entries: readers take an empty place for a miss, so one may be emptied at any time.</summary>
    private static void SweepEntries(object?[] entries)
    {
        for (var i = 0; i < entries.Length; i++)
        {
            if (entries[i] is { } entry && TypeKeys.Field(entry.GetType(), "_key").GetValue(entry) is { } key && TypeKeys.IsCollectible(key))
            {
                entries[i] = null;
            }
        }
    }
}
