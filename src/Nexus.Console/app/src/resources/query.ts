import type { Field, Resource } from '../api/catalogue';

/** One condition of a list. */
export interface Condition { field: string; operator: Operator; value: string }

export type Operator = '$eq' | '$ne' | '$gt' | '$gte' | '$lt' | '$lte' | '$in' | '$prefix';

/** What a list shows: the same words as the API's query string, so that an address can be shared. */
export interface ListState { q: string; sort: string; conditions: Condition[]; /** Columns in their order; null where the person's own choice for this browser counts. */ columns: string[] | null }

const pattern = /^filter\[([^\]]+)\](?:\[(\$[a-zA-Z]+)\])?$/;

export function readState(search: string): ListState {
  const query = new URLSearchParams(search);
  const conditions: Condition[] = [];
  query.forEach((value, key) => {
    const found = pattern.exec(key);
    if (found?.[1]) conditions.push({ field: found[1], operator: (found[2] ?? '$eq') as Operator, value });
  });
  return { q: query.get('q') ?? '', sort: query.get('sort') ?? '', conditions, columns: query.get('columns')?.split(',').filter(Boolean) ?? null };
}

/** The state as the query of an address; what is asked of the API is the same without the columns. */
export function writeState(state: ListState): string {
  const query = new URLSearchParams();
  if (state.q) query.set('q', state.q);
  if (state.sort) query.set('sort', state.sort);
  state.conditions.forEach((c) => query.append(`filter[${c.field}][${c.operator}]`, c.value));
  if (state.columns) query.set('columns', state.columns.join(','));
  return query.toString();
}

/** Fields that a list can be filtered by, with the conditions that make sense for their kind. */
export function operatorsOf(field: Field): Operator[] {
  switch (field.kind) {
    case 'Integer': case 'Decimal': case 'Real': case 'Money': case 'Date': case 'Time': case 'Instant': return ['$eq', '$ne', '$gte', '$lte', '$gt', '$lt'];
    case 'Text': case 'Multiline': return ['$eq', '$prefix', '$ne'];
    case 'Choice': return ['$eq', '$ne'];
    case 'Boolean': case 'Identifier': case 'Reference': return ['$eq', '$ne'];
    default: return [];
  }
}

/** The platform's own fields, as fields. */
export const systemFields: readonly Field[] = [
  { name: 'createdAt', kind: 'Instant', readOnly: true },
  { name: 'updatedAt', kind: 'Instant', readOnly: true },
  { name: 'owner', kind: 'Text', readOnly: true },
];

/** What lists show and compare; of a view's rows the platform knows neither owner nor times. */
export const readableFields = (resource: Resource): Field[] => [...resource.fields.filter((f) => !f.secret), ...(resource.view ? [] : systemFields)];

export const isSortable = (field: Field): boolean => !['List', 'Group', 'Map', 'Json', 'Multiline'].includes(field.kind);

/** The columns that are shown until somebody chooses others: what tells records apart, then what is short. */
export function defaultColumns(resource: Resource): string[] {
  const shown = resource.fields.filter((f) => !f.secret && !['Json', 'Map', 'Group', 'List', 'Multiline'].includes(f.kind)).slice(0, 7).map((f) => f.name);
  return resource.view ? shown : [...shown, 'updatedAt'];
}

/** Fields to which many records can be given one value. */
export const fieldsOfMany = (resource: Resource): Field[] => resource.fields.filter((f) => !f.readOnly && !['Json', 'Map'].includes(f.kind));

/** Whether this caller may do anything with chosen records; who may not has none to choose. */
export const canChange = (resource: Resource): boolean =>
  'delete' in resource.allowed || resource.actions.some((a) => a.name in resource.allowed) || ('update' in resource.allowed && fieldsOfMany(resource).length > 0);
