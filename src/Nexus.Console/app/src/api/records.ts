import type { Resource, Row } from './catalogue';
import { send, type Answer, type FieldProblem } from './http';

// Records of any resource: what is in them, its descriptor tells at run time.

/** What became of each record of a batch, in its order. */
export interface Batch { succeeded: number; failed: number; results: { id?: string; status: number; error?: { code?: string; title?: string; detail?: string; errors?: FieldProblem[] } }[] }

type Of = Pick<Resource, 'path'>;
const tagOf = (revision: number): string => `"${revision}"`;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A merge patch (RFC 7396) that makes one value of another: what an object has no more is named with null, else it would stay. */
export function patch(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after) || isRaw(after)) return after;
  const gone = Object.keys(before).filter((name) => !(name in after)).map((name) => [name, null] as const);
  return Object.fromEntries([...Object.entries(after).map(([name, value]) => [name, patch(before[name], value)] as const), ...gone]);
}

const isRaw = (value: unknown): boolean => (JSON as { isRawJSON?: (value: unknown) => boolean }).isRawJSON?.(value) === true;

export const listRecords = (resource: Of, query: string, signal?: AbortSignal): Promise<Answer<Row[]>> => send<Row[]>('GET', query ? `${resource.path}?${query}` : resource.path, { signal });
export const findRecord = async (resource: Of, id: string): Promise<Row> => (await send<Row>('GET', `${resource.path}/${encodeURIComponent(id)}`)).value;
export const countRecords = async (resource: Of): Promise<number | null> => (await listRecords(resource, 'limit=1&count=true')).total;
export const createRecord = async (resource: Of, values: Record<string, unknown>, key?: string): Promise<Row> => (await send<Row>('POST', resource.path, { body: values, ...(key ? { key } : {}) })).value;
/** Gives fields of a record, as it was when the change began, new values: whole ones, of which nothing else is kept. */
export const changeRecord = async (resource: Of, row: Row, values: Record<string, unknown>): Promise<Row> => (await send<Row>('PATCH', `${resource.path}/${encodeURIComponent(row.id)}`, { body: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, patch(row[name], value)])), tag: tagOf(row.revision) })).value;
export const deleteRecord = async (resource: Of, id: string, revision: number): Promise<void> => void (await send('DELETE', `${resource.path}/${encodeURIComponent(id)}`, { tag: tagOf(revision) }));
export const actOnRecord = async (resource: Of, row: Row, action: string, input: unknown, key?: string): Promise<Row> => (await send<Row>('POST', `${resource.path}/${encodeURIComponent(row.id)}/actions/${action}`, { body: input ?? {}, tag: tagOf(row.revision), ...(key ? { key } : {}) })).value;
export const batchRecords = async (method: 'POST' | 'PATCH' | 'DELETE', resource: Of, body: unknown): Promise<Batch> => (await send<Batch>(method, `${resource.path}/batch`, { body })).value;
export const actOnRecords = async (resource: Of, action: string, body: { ids: string[]; input: unknown }, key: string): Promise<Batch> => (await send<Batch>('POST', `${resource.path}/batch/actions/${action}`, { body, key })).value;

/** A file at a record. */
export interface Attachment { id: string; name: string; contentType: string; size: number; sha256: string; createdAt: string; createdBy: string; url: string }

export const attachmentsOf = (resource: Of, id: string): string => `${resource.path}/${encodeURIComponent(id)}/attachments`;
export const listAttachments = async (resource: Of, id: string): Promise<Attachment[]> => (await send<Attachment[]>('GET', attachmentsOf(resource, id))).value;
export const detach = async (resource: Of, id: string, file: string): Promise<void> => void (await send('DELETE', `${attachmentsOf(resource, id)}/${encodeURIComponent(file)}`));
