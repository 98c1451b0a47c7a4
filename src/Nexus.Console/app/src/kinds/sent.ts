import type { Field } from '../api/catalogue';

/** JSON's own number of any length, where the browser has it; the node refuses the text that goes otherwise. */
const raw = (JSON as { rawJSON?: (digits: string) => unknown }).rawJSON;

const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Digits as they are typed, with the person's own decimal sign, as the platform writes them. */
export const plainDigits = (typed: string, sign: string): string => {
  const text = typed.trim();
  if (sign === '.' || !text.includes(sign)) return text;
  return text.replace(/\.(?=\d{3}(?:\D|$))/g, '').replace(sign, '.');
};

/** What a form holds as it goes to the node: whole and real numbers are texts until then, because a double loses digits of a long one, and an input without anything in it is null. */
export function asSent(field: Field, value: unknown): unknown {
  if (value === undefined || value === null || (value === '' && field.kind !== 'Text' && field.kind !== 'Multiline')) return value === undefined ? undefined : null;
  switch (field.kind) {
    case 'Integer': case 'Real':
      if (typeof value !== 'string' || !number.test(value)) return value;
      return String(Number(value)) === value ? Number(value) : raw ? raw(value) : value;
    case 'Money': return (value as { amount?: string }).amount ? value : null;
    case 'List': return (value as unknown[]).map((one) => (field.element ? asSent(field.element, one) : one));
    case 'Map': return Object.fromEntries(Object.entries(value as Record<string, unknown>).map(([name, one]) => [name, field.element ? asSent(field.element, one) : one]));
    case 'Group': {
      const parts = value as Record<string, unknown>;
      const given = Object.fromEntries((field.fields ?? []).filter((part) => parts[part.name] !== undefined).map((part) => [part.name, parts[part.name] === '' ? null : asSent(part, parts[part.name])]));
      // What was typed and taken back leaves a group of nothing, which is no group.
      return field.nullable && Object.values(given).every((one) => one === null) ? null : given;
    }
    default: return value;
  }
}

/** Values of a record by its fields, as they go to the node. */
export const allAsSent = (fields: readonly Field[], values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => {
    const field = fields.find((f) => f.name === name);
    return [name, field ? asSent(field, value) : value];
  }));
