using Nexus;

return args is ["tool", .. var tool] ? await Tools.RunAsync(tool) : await NexusHost.RunAsync(args);
