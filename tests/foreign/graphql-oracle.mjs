// Reads one request a line, {"source", "variables", "operationName"}, and answers what graphql-js makes of it.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { buildSchema, execute, getIntrospectionQuery, GraphQLError, parse, resolveSchemaCoordinate, validate } from 'graphql';

const [schemaFile, rootFile, rounds] = process.argv.slice(2);
const schema = buildSchema(readFileSync(schemaFile, 'utf8'));
const root = JSON.parse(readFileSync(rootFile, 'utf8'));
const told = (error) => ({ message: error.message, locations: error.locations ?? null, path: error.path ?? null });

function read(value, args) {
  if (value?.$error) throw new Error(value.$error);
  if (value?.$args) return args;
  if (value && '$late' in Object(value)) return new Promise((resolve) => setImmediate(resolve)).then(() => read(value.$late, args));
  return Array.isArray(value) ? value.map((one) => (one?.$error ? new Error(one.$error) : read(one, args))) : value;
}

const fieldResolver = (source, args, _context, info) => read(source?.[info.fieldName], args);

/** Kind and type of what a schema coordinate names; why there is none. */
function part(coordinate) {
  try {
    const found = resolveSchemaCoordinate(schema, coordinate);
    if (!found) return { found: null };
    const { kind, type, field, inputField, fieldArgument, enumValue, directive, directiveArgument } = found;
    return { found: `${kind} ${(directiveArgument ?? fieldArgument ?? inputField ?? field)?.type ?? (enumValue ?? directive)?.name ?? type.name}` };
  } catch (error) {
    return { found: error instanceof GraphQLError ? 'syntax' : 'nowhere' };
  }
}

async function answer({ source, variables, operationName, coordinate }) {
  if (coordinate !== undefined) return part(coordinate);
  let document;
  try {
    document = parse(source, { allowEmptySelectionSets: false });
  } catch (error) {
    return { syntax: told(error) };
  }
  const errors = validate(schema, document);
  if (errors.length > 0) return { invalid: errors.map(told) };
  if (document.definitions.some((one) => one.operation === 'subscription')) return { valid: true };
  const result = await execute({ schema, document, rootValue: root, variableValues: variables, operationName, fieldResolver });
  return { data: result.data, errors: result.errors?.map(told) ?? [] };
}

if (rounds) {
  // Parses, checks and executes one document again and again; answers how often a second.
  const source = readFileSync(0, 'utf8');
  const once = async () => {
    const document = parse(source, { allowEmptySelectionSets: false });
    if (validate(schema, document).length > 0) throw new Error('The document is not valid.');
    const result = execute({ schema, document, rootValue: root, fieldResolver });
    return JSON.stringify(result instanceof Promise ? await result : result);
  };
  for (let i = 0; i < Number(rounds); i++) await once();
  const start = process.hrtime.bigint();
  for (let i = 0; i < Number(rounds); i++) await once();
  console.log(Number(rounds) / (Number(process.hrtime.bigint() - start) / 1e9));
} else {
  console.log(JSON.stringify({ introspection: getIntrospectionQuery({ descriptions: false, specifiedByUrl: true, directiveIsRepeatable: true, inputValueDeprecation: true, oneOf: true }) }));
  for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(JSON.parse(line))));
}
