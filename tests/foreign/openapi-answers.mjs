// Validates answers by the schemas of an OpenAPI document, strictly: a member that a schema does not name fails.
// Usage: node openapi-answers.mjs openapi.json answers.json; prints a JSON list of what does not fit.
import { readFile } from 'node:fs/promises';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const [document, answers] = await Promise.all(process.argv.slice(2, 4).map(async (file) => JSON.parse(await readFile(file, 'utf8'))));

/** Objects that name their members and do not say that there may be others have no others. */
function close(node) {
  if (Array.isArray(node)) return node.map(close);
  if (node === null || typeof node !== 'object') return node;
  const closed = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, close(value)]));
  if (node.properties && typeof node.properties === 'object' && !Array.isArray(node.properties) && node.additionalProperties === undefined && !node.properties.type?.enum) closed.additionalProperties = false;
  return closed;
}

const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
addFormats(ajv);
const prepared = { $id: 'https://nexus.test/openapi.json', components: { schemas: Object.fromEntries(Object.entries(document.components.schemas).map(([name, schema]) => [name, close(schema)])) } };
ajv.addSchema(prepared);
const rebase = (node) => (Array.isArray(node) ? node.map(rebase) : node !== null && typeof node === 'object' ? Object.fromEntries(Object.entries(node).map(([name, value]) => [name, name === '$ref' ? prepared.$id + value : rebase(value)])) : node);

const wrong = [];
for (const { method, path, status, type, body } of answers) {
  const told = `${method} ${path} ${status}`;
  const response = document.paths[path]?.[method.toLowerCase()]?.responses?.[String(status)];
  if (!response) wrong.push(`${told}: the document has no such answer`);
  else if (type === null) response.content && wrong.push(`${told}: nothing was answered`);
  else {
    const media = response.content?.[type];
    if (!media) wrong.push(`${told}: the document does not name ${type}`);
    else if (/[/+]json$/.test(type)) {
      const validate = ajv.compile(rebase(close(media.schema)));
      if (!validate(JSON.parse(body))) wrong.push(`${told}: ${validate.errors.slice(0, 4).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`).join('; ')}: ${body.slice(0, 300)}`);
    }
  }
}
console.log(JSON.stringify(wrong));
