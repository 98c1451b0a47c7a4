import { Button, Group, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { Field, Resource, Row } from '../api/catalogue';
import type { CoreAuditEntry } from '../api/contract';
import { batchRecords, listRecords } from '../api/records';
import { asSent } from '../kinds/sent';
import type { Words } from '../words';

/** One entry of the audit trail about a record. */
export interface Entry extends Omit<CoreAuditEntry, 'detail'> { detail?: { revision?: number; changes?: Record<string, { old?: unknown; new?: unknown }>; attachment?: { name: string; size: number } } }

/** What takes a change back: earlier values of a record that is there, or all values of one that is gone. */
export interface Undo { isAgain: boolean; values: Record<string, unknown> }

/** What was done, without the name of the resource it was done to. */
export const verbOf = (resource: Resource, entry: Entry): string => entry.action.slice(resource.name.length + 1) || entry.action;

const isHidden = (field: Field): boolean => field.secret === true || field.personal === true || (field.element !== undefined && isHidden(field.element)) || (field.fields ?? []).some(isHidden);

/** The trail keeps long values by length and digest alone, and what is nobody's to see as stars: neither can be written back. */
const isKept = (value: unknown): boolean => !/"\*\*\*"|^"\(\d+ bytes, SHA-256 [0-9a-f]{64}\)"$/.test(JSON.stringify(value ?? null));

/** What would take an entry back by the ordinary change of the record, or null: it has to be whole, and the caller has to be allowed. */
export function undoOf(resource: Resource, entry: Entry, row: Row | null): Undo | null {
  const verb = verbOf(resource, entry);
  const changes = Object.entries(entry.detail?.changes ?? {}).map(([name, change]) => ({ field: resource.fields.find((f) => f.name === name), name, old: change.old ?? null }));
  if (entry.result !== 'success' || verb === 'created' || changes.length === 0 || changes.some((c) => !c.field)) return null;
  const written = changes.filter((c) => !c.field?.readOnly);
  if (written.some((c) => (c.field && isHidden(c.field)) || !isKept(c.old))) return null;
  const values = Object.fromEntries(written.map((c) => [c.name, c.old]));
  if (verb === 'deleted') return row === null && 'create' in resource.allowed && written.length === changes.length ? { isAgain: true, values } : null;
  if (row === null || !('update' in resource.allowed) || written.length === 0) return null;
  // What an update did to fields that nobody can write follows from those that one can; an action's is its own.
  if (verb !== 'updated' && written.length < changes.length) return null;
  return written.some((c) => !isSame(c.old, row[c.name])) ? { isAgain: false, values } : null;
}

export const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** Whether a deleted record can be made again as it was: nothing of it is hidden, nothing is the platform's or an action's, and it belongs to who deletes it. */
export const canBeMadeAgain = (resource: Resource, row: Row, caller: string): boolean =>
  'create' in resource.allowed && row['owner'] === caller && resource.fields.every((f) => !f.secret && (!f.readOnly || (row[f.name] ?? null) === null));

/** Records as they are now; those that are gone are not among them. */
export async function readRows(resource: Resource, ids: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (let at = 0; at < ids.length; at += 100) {
    const part = ids.slice(at, at + 100);
    rows.push(...(await listRecords(resource, `limit=100&filter[id][$in]=${part.join(',')}`)).value);
  }
  return rows;
}

/** Makes deleted records again under their ids. */
export async function makeAgain(resource: Resource, rows: readonly Row[]): Promise<number> {
  let made = 0;
  for (let at = 0; at < rows.length; at += 100) {
    const body = rows.slice(at, at + 100).map((row) => ({ id: row.id, ...Object.fromEntries(resource.fields.filter((f) => !f.readOnly && (row[f.name] ?? null) !== null).map((f) => [f.name, asSent(f, row[f.name])])) }));
    const answer = await batchRecords('POST', resource, body);
    made += answer.succeeded;
    const refused = answer.results.find((r) => r.error);
    if (refused) throw new Error(refused.error?.detail ?? '');
  }
  return made;
}

/** Says what was done, with the way back for a while. */
export function tellWithUndo(message: string, words: Words, undo: () => Promise<void>): void {
  const id = crypto.randomUUID();
  // It stays for a moment while it leaves, and a second click would make everything twice.
  let isTaken = false;
  const take = (): void => {
    if (isTaken) return;
    isTaken = true;
    notifications.hide(id);
    void undo();
  };
  notifications.show({
    id, color: 'teal', autoClose: 20_000, closeButtonProps: { 'aria-label': words.close },
    message: <Group justify="space-between" wrap="nowrap"><Text size="sm" c="inherit">{message}</Text><Button size="compact-sm" variant="light" onClick={take}>{words.undo}</Button></Group>,
  });
}
