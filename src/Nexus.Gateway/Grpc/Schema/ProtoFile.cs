using System.Text;
using Nexus.Gateway.Grpc.Calls;

namespace Nexus.Gateway.Grpc.Schema;

/// <summary>A <c>.proto</c> file: types and services of one package. Plain data: it may outlive the plugin that it was drawn from.</summary>
internal sealed class ProtoFile(string name, string package, params ProtoFile[] imports)
{
    /// <summary>Path by which others import it.</summary>
    public string Name { get; } = name;

    /// <summary>Its package.</summary>
    public string Package { get; } = package;

    /// <summary>Files whose types it uses.</summary>
    public ProtoFile[] Imports { get; } = imports;

    /// <summary>Told at its head.</summary>
    public string? Comment { get; init; }

    /// <summary>Its messages.</summary>
    public List<ProtoMessage> Messages { get; } = [];

    /// <summary>Its enums.</summary>
    public List<ProtoEnum> Enums { get; } = [];

    /// <summary>Its services.</summary>
    public List<ProtoInterface> Services { get; } = [];

    /// <summary>Adds a message.</summary>
    public ProtoMessage Message(string name, string? comment = null)
    {
        var message = new ProtoMessage(name, $"{Package}.{name}") { Comment = comment };
        Messages.Add(message);
        return message;
    }

    /// <summary>Adds a service.</summary>
    public ProtoInterface Service(string name, string? comment = null)
    {
        var service = new ProtoInterface(name, $"{Package}.{name}") { Comment = comment };
        Services.Add(service);
        return service;
    }
}

/// <summary>Messages whose JSON is not an object of their fields.</summary>
internal enum ProtoForm
{
    Plain,
    Struct,
    Value,
    ListValue,
    Timestamp,
}

/// <summary>A message type.</summary>
internal sealed class ProtoMessage(string name, string fullName)
{
    private readonly Dictionary<int, ProtoField> byNumber = [];

    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>With package and enclosing types.</summary>
    public string FullName { get; } = fullName;

    /// <summary>For people.</summary>
    public string? Comment { get; init; }

    /// <summary>How it stands in JSON.</summary>
    public ProtoForm Form { get; init; }

    /// <summary>It is the entry of a map.</summary>
    public bool IsMapEntry { get; init; }

    /// <summary>Its fields, as declared.</summary>
    public List<ProtoField> Fields { get; } = [];

    /// <summary>Types within it.</summary>
    public List<ProtoMessage> Nested { get; } = [];

    /// <summary>Enums within it.</summary>
    public List<ProtoEnum> Enums { get; } = [];

    /// <summary>The field of a number, or null.</summary>
    public ProtoField? Find(int number) => byNumber.GetValueOrDefault(number);

    /// <summary>Adds a field.</summary>
    public ProtoMessage Add(ProtoField field)
    {
        byNumber.Add(field.Number, field);
        Fields.Add(field);
        return this;
    }

    /// <summary>Adds a field of a plain kind.</summary>
    public ProtoMessage Add(string name, int number, ProtoKind kind, string? comment = null, bool optional = false, bool repeated = false, string? oneOf = null) =>
        Add(new ProtoField(name, number, kind) { Comment = comment, IsOptional = optional, IsRepeated = repeated, OneOf = oneOf });

    /// <summary>Adds a field that holds a message.</summary>
    public ProtoMessage Add(string name, int number, ProtoMessage type, string? comment = null, bool repeated = false, string? oneOf = null) =>
        Add(new ProtoField(name, number, ProtoKind.Message) { Message = type, Comment = comment, IsRepeated = repeated, OneOf = oneOf });

    /// <summary>Adds a map from text.</summary>
    public ProtoMessage AddMap(string name, int number, ProtoField value, string? comment = null, string? jsonName = null)
    {
        var pascal = ProtoNames.Pascal(name);
        var entry = new ProtoMessage(pascal + "Entry", $"{FullName}.{pascal}Entry") { IsMapEntry = true }.Add("key", 1, ProtoKind.Text).Add(value);
        Nested.Add(entry);
        return Add(new ProtoField(name, number, ProtoKind.Message) { Message = entry, Comment = comment, IsRepeated = true, JsonName = jsonName ?? ProtoNames.Camel(name) });
    }
}

/// <summary>Kinds of fields, with the numbers of <c>FieldDescriptorProto.Type</c>.</summary>
internal enum ProtoKind
{
    Double = 1,
    Int64 = 3,
    Int32 = 5,
    Bool = 8,
    Text = 9,
    Message = 11,
    Bytes = 12,
    Enum = 14,
}

/// <summary>A field of a message.</summary>
internal sealed class ProtoField
{
    private readonly byte[] utf8;
    private readonly string jsonName;

    public ProtoField(string name, int number, ProtoKind kind)
    {
        (Name, Number, Kind) = (name, number, kind);
        jsonName = ProtoNames.Camel(name);
        utf8 = Encoding.UTF8.GetBytes(jsonName);
    }

    /// <summary>Its name in the file, in snake_case.</summary>
    public string Name { get; }

    /// <summary>Its number.</summary>
    public int Number { get; }

    /// <summary>Its kind.</summary>
    public ProtoKind Kind { get; }

    /// <summary>Its name in JSON.</summary>
    public string JsonName
    {
        get => jsonName;
        init => (jsonName, utf8) = (value, Encoding.UTF8.GetBytes(value));
    }

    /// <summary>The same as bytes.</summary>
    public ReadOnlySpan<byte> Utf8Name => utf8;

    /// <summary>For people.</summary>
    public string? Comment { get; init; }

    /// <summary>There may be several values.</summary>
    public bool IsRepeated { get; init; }

    /// <summary>No value differs from a zero.</summary>
    public bool IsOptional { get; init; }

    /// <summary>At most one field of those that share this name has a value.</summary>
    public string? OneOf { get; init; }

    /// <summary>Type of a message.</summary>
    public ProtoMessage? Message { get; init; }

    /// <summary>Type of an enum.</summary>
    public ProtoEnum? Enum { get; init; }

    /// <summary>It is a map.</summary>
    public bool IsMap => Message is { IsMapEntry: true } && IsRepeated;
}

/// <summary>An enum; its zero stands for no value where it has no word.</summary>
internal sealed class ProtoEnum(string name, string fullName)
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>With package and enclosing types.</summary>
    public string FullName { get; } = fullName;

    /// <summary>Its values with their words in JSON.</summary>
    public List<(string Name, int Number, string? Word)> Values { get; } = [];
}

/// <summary>A service.</summary>
internal sealed class ProtoInterface(string name, string fullName)
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>With its package.</summary>
    public string FullName { get; } = fullName;

    /// <summary>For people.</summary>
    public string? Comment { get; init; }

    /// <summary>The plugin that it is about, or null.</summary>
    public string? Plugin { get; init; }

    /// <summary>Its methods.</summary>
    public List<ProtoMethod> Methods { get; } = [];

    /// <summary>Adds a method.</summary>
    public void Add(string name, ProtoMessage input, ProtoMessage output, Func<GrpcCall, Task> handle, string? comment = null, bool clientStreams = false, bool serverStreams = false) =>
        Methods.Add(new ProtoMethod(name, input, output, handle) { Comment = comment, ClientStreams = clientStreams, ServerStreams = serverStreams });
}

/// <summary>A method of a service.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Input">What it takes.</param>
/// <param name="Output">What it answers.</param>
/// <param name="Handle">Answers a call; holds host code only.</param>
internal sealed record ProtoMethod(string Name, ProtoMessage Input, ProtoMessage Output, Func<GrpcCall, Task> Handle)
{
    /// <summary>For people.</summary>
    public string? Comment { get; init; }

    /// <summary>The caller sends several messages.</summary>
    public bool ClientStreams { get; init; }

    /// <summary>There may be several answers.</summary>
    public bool ServerStreams { get; init; }
}
