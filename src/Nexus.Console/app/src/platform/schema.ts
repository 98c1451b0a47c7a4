/** What a plugin says of its settings: JSON Schema, as far as a form is made of it. */
export interface Schema { $ref?: string; $defs?: Record<string, Schema>; type?: string | string[]; title?: string; description?: string; properties?: Record<string, Schema>; additionalProperties?: Schema | boolean; required?: string[]; enum?: unknown[]; const?: unknown; default?: unknown; minimum?: number; maximum?: number; minLength?: number; maxLength?: number; pattern?: string; items?: Schema; secret?: boolean; restart?: boolean; format?: string }

/** One input of the form. */
export interface Leaf { /** Names from the section down. */ names: string[]; /** The same with dots between. */ path: string; schema: Schema; isRequired: boolean }

/** What the node says in place of a secret. */
export const hiddenValue = '***hidden***';

const scalars: readonly (string | undefined)[] = ['string', 'integer', 'number', 'boolean'];

/** A schema with its references followed; the words beside a reference win. */
function resolved(schema: Schema, root: Schema): Schema {
  const target = schema.$ref ? root.$defs?.[schema.$ref.replace('#/$defs/', '')] : undefined;
  const { $ref: _, ...words } = schema;
  const whole = target ? { ...resolved(target, root), ...words } : schema;
  return { ...whole, ...(whole.items ? { items: resolved(whole.items, root) } : {}), ...(typeof whole.additionalProperties === 'object' ? { additionalProperties: resolved(whole.additionalProperties, root) } : {}) };
}

/** The settings of a schema, those of objects within it one by one. */
export const leavesOf = (schema: Schema, root: Schema, before: string[] = []): Leaf[] => Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
  const [found, names] = [resolved(inner, root), [...before, name]];
  return found.properties ? leavesOf(found, root, names) : [{ names, path: names.join('.'), schema: found, isRequired: schema.required?.includes(name) === true }];
});

/** The type of a setting beside null; nothing where it may have several. */
export function typeOf(schema: Schema): string | undefined {
  const types = [schema.type ?? []].flat().filter((type) => type !== 'null');
  return types.length === 1 ? types[0] : undefined;
}

export const isNullable = (schema: Schema): boolean => Array.isArray(schema.type) && schema.type.includes('null');
export const choicesOf = (schema: Schema): unknown[] | undefined => schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
/** A list of texts or numbers has an input of its own. */
export const isTags = (schema: Schema): boolean => typeOf(schema) === 'array' && ['string', 'integer', 'number'].includes(typeOf(schema.items ?? {}) ?? '');
/** Other lists, maps and what may be anything are typed as JSON. */
export const isRaw = (schema: Schema): boolean => !schema.secret && !choicesOf(schema) && !isTags(schema) && !scalars.includes(typeOf(schema)) && !(Array.isArray(schema.type) && schema.type.includes('string'));
export const holdsSecret = (schema: Schema): boolean => schema.secret === true || [schema.items, schema.additionalProperties, ...Object.values(schema.properties ?? {})].some((inner) => typeof inner === 'object' && holdsSecret(inner));

/** A text as the type that a setting has. */
export function typed(schema: Schema, text: string): unknown {
  const type = typeOf(schema);
  if (type === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return (type === 'integer' || type === 'number') && text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** What is set below a key, put together from its dotted keys, without secrets; undefined where nothing is. */
export function below(schema: Schema, path: string, values: Record<string, string>): unknown {
  const value = values[path];
  if (value !== undefined) return value === hiddenValue ? undefined : typed(schema, value);
  const rests = Object.keys(values).filter((key) => key.startsWith(`${path}.`)).map((key) => key.slice(path.length + 1));
  if (rests.length === 0) return undefined;
  const ofMap = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  // The names of a map of plain values may have dots in them.
  const names = [...new Set(rests.map((rest) => (ofMap && scalars.includes(typeOf(ofMap)) ? rest : rest.split('.')[0] ?? rest)))];
  const isList = typeOf(schema) === 'array' || (schema.type === undefined && names.every((name) => /^\d+$/.test(name)));
  const inner = names.map((name) => [name, below((isList ? schema.items : schema.properties?.[name] ?? ofMap) ?? {}, `${path}.${name}`, values)] as const).filter(([, one]) => one !== undefined);
  return isList ? inner.sort(([one], [other]) => Number(one) - Number(other)).map(([, one]) => one) : Object.fromEntries(inner);
}
