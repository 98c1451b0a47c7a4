import type { Operations, Word } from './contract';
import { send, type Method } from './http';

/** Paths that the platform serves by a method. */
export type Path<M extends Method, K = keyof Operations> = K extends `${M} ${infer P}` ? P : never;

type Of<M extends Method, P extends Path<M>> = `${M} ${P}` extends keyof Operations ? Operations[`${M} ${P}`] : never;

/** What an operation answers. */
export type Answered<M extends Method, P extends Path<M>> = Of<M, P>['answer'];

type Wanted<O> = Omit<O, 'answer'>;
interface Sent { signal?: AbortSignal; isLast?: boolean }
type Given<O> = object extends Wanted<O> ? [given?: Wanted<O> & Sent] : [given: Wanted<O> & Sent];
interface Places { path?: Record<string, Word>; query?: Record<string, Word | undefined> }

/** A path with what stands in it, and a query of what is neither empty nor false. */
function filled(path: string, given: Places): string {
  const asked = new URLSearchParams(Object.entries(given.query ?? {}).flatMap(([name, value]) => (value === undefined || value === '' || value === false ? [] : [[name, String(value)]])));
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(given.path?.[name]))) + (asked.size > 0 ? `?${asked}` : '');
}

/** The address of an operation, for what does not go by these functions: links, uploads, answers in lines. */
export const addressOf = <M extends Method, P extends Path<M>>(_: M, path: P, ...[given]: Given<Omit<Of<M, P>, 'body'>>): string => filled(path, (given ?? {}) as Places);

const by = <M extends Method>(method: M) => async <P extends Path<M>>(path: P, ...[given]: Given<Of<M, P>>): Promise<Answered<M, P>> =>
  (await send<Answered<M, P>>(method, filled(path, (given ?? {}) as Places), (given ?? {}) as Sent & { body?: unknown })).value;

export const get = by('GET');
export const post = by('POST');
export const put = by('PUT');
export const remove = by('DELETE');
