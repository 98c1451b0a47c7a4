namespace Nexus;

/// <summary>Folders of the node. Core plugins get it; other plugins keep their data by the ports.</summary>
/// <param name="Data">Folder of the node's own files, absolute; what is written there for the time of one run goes below <c>run</c>.</param>
public sealed record NodeFolders(string Data);
