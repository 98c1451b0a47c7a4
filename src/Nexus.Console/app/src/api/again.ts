import { hashKey, type Query, type QueryClient, type QueryKey } from '@tanstack/react-query';

const under = new WeakMap<Query, { isDue: boolean }>();
const due = new Set<string>();

/** Reads a query anew; while that is under way any number of further changes cost one reading after it, so that answers slower than the changes still arrive. */
export async function readOne(client: QueryClient, query: Query): Promise<void> {
  const known = under.get(query);
  if (known) {
    known.isDue = true;
    return;
  }
  const reading = { isDue: false };
  under.set(query, reading);
  // The answer of a first reading may be older than the change, and no other reading begins before it is there.
  if (query.state.fetchStatus === 'fetching' && query.state.data === undefined) await query.promise?.catch(() => undefined);
  do {
    reading.isDue = false;
    await client.invalidateQueries({ queryKey: query.queryKey, exact: true });
  } while (reading.isDue);
  under.delete(query);
}

/** Reads anew what is looked at; the rest when it is looked at again. */
export async function readAgain(client: QueryClient, queryKey: QueryKey): Promise<void> {
  await Promise.all(client.getQueryCache().findAll({ queryKey }).map((query) => readOne(client, query)));
}

/** The same a moment later: what changes until then costs no reading of its own. */
export function readSoon(client: QueryClient, queryKey: QueryKey, milliseconds: number): void {
  const name = hashKey(queryKey);
  if (due.has(name)) return;
  due.add(name);
  setTimeout(() => { due.delete(name); void readAgain(client, queryKey); }, milliseconds);
}
