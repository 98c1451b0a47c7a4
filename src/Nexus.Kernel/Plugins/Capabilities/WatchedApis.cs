namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>Members of the framework that reach around the platform's ports, and the capability that each needs.</summary>
internal static class WatchedApis
{
    /// <param name="space">Namespace.</param>
    /// <param name="type">Type.</param>
    /// <param name="member">Member; <c>.ctor</c> for a constructor.</param>
    /// <param name="takesPath">Whether its first parameter is a text.</param>
    /// <returns>Null for what anybody may use.</returns>
    public static string? CapabilityOf(string space, string type, string member, Func<bool> takesPath) => (space, type, member) switch
    {
        ("System.Diagnostics", "Process", "Start" or "Kill" or "GetProcesses" or "GetProcessById" or "GetProcessesByName") => Capability.Process,
        ("System", "Environment", "Exit" or "FailFast") => Capability.Process,
        ("System.Runtime.InteropServices", "NativeLibrary", "Load" or "TryLoad" or "GetExport") => Capability.Process,

        // Code that is loaded later is code that this inspection has not seen.
        ("System.Reflection", "Assembly", "Load" or "LoadFile" or "LoadFrom" or "UnsafeLoadFrom") => Capability.Process,
        ("System.Runtime.Loader", "AssemblyLoadContext", ".ctor" or "LoadFromAssemblyPath" or "LoadFromStream") => Capability.Process,
        ("System.Reflection.Emit", _, _) => Capability.Process,

        ("System.Net.Http", "HttpClient" or "HttpMessageInvoker", ".ctor") => Capability.HttpExternal,
        ("System.Net", "WebRequest" or "HttpWebRequest", "Create" or "CreateHttp") => Capability.HttpExternal,
        ("System.Net", "WebClient" or "HttpListener", ".ctor") => Capability.HttpExternal,
        ("System.Net", "Dns", _) => Capability.HttpExternal,
        ("System.Net.Sockets", "Socket" or "TcpClient" or "TcpListener" or "UdpClient", ".ctor") => Capability.HttpExternal,
        ("System.Net.WebSockets", "ClientWebSocket", ".ctor") => Capability.HttpExternal,
        ("System.Net.Mail", "SmtpClient", ".ctor") => Capability.HttpExternal,
        ("System.Net.NetworkInformation", "Ping", ".ctor") => Capability.HttpExternal,
        ("System.Net.Quic", "QuicConnection", "ConnectAsync") => Capability.HttpExternal,

        ("System.IO", "File" or "Directory", _) => Capability.File,
        ("System.IO", "FileInfo" or "DirectoryInfo" or "FileSystemWatcher", ".ctor") => Capability.File,
        ("System.IO", "FileStream", ".ctor") => Capability.File,
        ("System.IO", "StreamReader" or "StreamWriter", ".ctor") when takesPath() => Capability.File,
        ("System.IO.MemoryMappedFiles", "MemoryMappedFile", "CreateFromFile" or "OpenExisting") => Capability.File,
        _ => null,
    };
}
