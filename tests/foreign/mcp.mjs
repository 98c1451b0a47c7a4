// The client of the Model Context Protocol's TypeScript SDK: carries out steps and prints what came of each as a line of JSON.
// node mcp.mjs URL KEY '[["tools"],["call","name",{…}],["resources"],["read","uri"],["prompts"],["prompt","name",{…}]]'
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import Ajv2020 from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

const [url, key, steps] = process.argv.slice(2);
const client = new Client({ name: 'foreign', version: '1.0.0' });
const transport = url.startsWith('http')
  ? new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { 'X-API-Key': key } } })
  : new StdioClientTransport({ command: 'dotnet', args: JSON.parse(url), env: { ...process.env } });
await client.connect(transport);

const ajv = new Ajv2020.default({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
formats.default(ajv);

async function carryOut([kind, name, input]) {
  switch (kind) {
    case 'server': return { ...client.getServerVersion(), instructions: client.getInstructions() };
    case 'tools': {
      const { tools } = await client.listTools();
      for (const tool of tools) {
        if (!/^[a-zA-Z0-9_-]{1,64}$/.test(tool.name)) throw new Error(`bad name ${tool.name}`);
        ajv.compile(tool.inputSchema);
      }
      return tools.map(t => ({ name: t.name, readOnly: t.annotations.readOnlyHint, destructive: t.annotations.destructiveHint, required: t.inputSchema.required ?? [] }));
    }
    case 'call': return await client.callTool({ name, arguments: input });
    case 'resources': return (await client.listResources()).resources.map(r => r.uri).concat((await client.listResourceTemplates()).resourceTemplates.map(t => t.uriTemplate));
    case 'read': return (await client.readResource({ uri: name })).contents;
    case 'prompts': return (await client.listPrompts()).prompts.map(p => p.name);
    case 'prompt': return (await client.getPrompt({ name, arguments: input })).messages;
    default: throw new Error(`no step ${kind}`);
  }
}

for (const step of JSON.parse(steps)) {
  try {
    console.log(JSON.stringify(await carryOut(step)));
  } catch (error) {
    console.log(JSON.stringify({ failed: error.message, code: error.code }));
  }
}
await client.close();
