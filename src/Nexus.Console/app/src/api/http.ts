/** One error of one field: where in the input, and what is wrong. */
export interface FieldProblem { pointer: string; code: string; detail: string }

/** An answer that is an error (RFC 9457), or the lack of any answer. */
export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, readonly title: string, message: string, readonly traceId: string | null, readonly errors: FieldProblem[]) {
    super(message);
  }

  /** Nobody is signed in, or not any more. */
  get isSignedOut(): boolean { return this.status === 401; }

  /** The server was not reached. */
  get isOffline(): boolean { return this.code === 'OFFLINE'; }
}

/** An answer with what of its headers matters. */
export interface Answer<T> { value: T; tag: string | null; next: string | null; total: number | null; isOffline: boolean }

interface Options { body?: unknown; tag?: string | null; key?: string; signal?: AbortSignal | undefined; accept?: string; /** It goes although nothing else does. */ isLast?: boolean }

const tokenKey = 'nexus.csrf';

/** What a page repeats with each change, so that another site's page cannot change anything. It proves nothing by itself. */
export const csrf = {
  get: (): string | null => localStorage.getItem(tokenKey),
  set: (token: string | null | undefined): void => { if (token) localStorage.setItem(tokenKey, token); else localStorage.removeItem(tokenKey); },
};

/** Whether answers come from the network; others may follow. */
export const network = {
  isOnline: true,
  listeners: new Set<() => void>(),
  tell(isOnline: boolean): void {
    if (this.isOnline === isOnline) return;
    this.isOnline = isOnline;
    this.listeners.forEach((listener) => listener());
  },
};

/** Who hears that an answer said nobody is signed in any more. */
export const signedOut = new Set<() => void>();

/** Numbers that a double cannot hold stay texts, digit for digit. */
function exact(this: unknown, _: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || !context?.source || Number.isSafeInteger(value)) return value;
  return context.source.replace(/[-.eE]/g, '').replace(/^0+/, '').length > 15 ? context.source : value;
}

function read(text: string): unknown {
  if (!text) return null;
  try { return JSON.parse(text, exact); } catch { return text; }
}

/** What an answer of 400 or more says. */
export function problemOf(status: number, statusText: string, body: unknown, header: (name: string) => string | null): Problem {
  const value = typeof body === 'string' ? read(body) : body;
  const problem = (typeof value === 'object' && value !== null ? value : {}) as { code?: string; title?: string; detail?: string; traceId?: string; errors?: FieldProblem[] };
  return new Problem(status, problem.code ?? `HTTP_${status}`, problem.title ?? `Error ${status}`, problem.detail ?? (typeof value === 'string' && value ? value : statusText), problem.traceId ?? header('x-request-id'), problem.errors ?? []);
}

let session = new AbortController();

/** Drops what is on its way, sends the last request of a session and lets nothing go after it: all would be refused until the page is loaded anew. */
export async function endSession(last: () => Promise<unknown>): Promise<void> {
  session.abort();
  try {
    await last();
  } catch (error) {
    session = new AbortController();
    throw error;
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Sends a request to an address of this node that is known at run time only: of a record, or of a plugin. The platform's own have their types in client.ts. */
export async function send<T>(method: string, path: string, options: Options = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: options.accept ?? 'application/json' };
  const isChange = method !== 'GET';
  if (options.body !== undefined) headers['content-type'] = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  if (options.tag) headers['if-match'] = options.tag;
  if (isChange) {
    const token = csrf.get();
    if (token) headers['x-csrf-token'] = token;
    if (method === 'POST') headers['idempotency-key'] = options.key ?? crypto.randomUUID();
  }

  const signals = [...(options.isLast ? [] : [session.signal]), ...(options.signal ? [options.signal] : [])];
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body: options.body === undefined ? null : JSON.stringify(options.body), signal: AbortSignal.any(signals), credentials: 'same-origin' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    network.tell(false);
    throw new Problem(0, 'OFFLINE', 'The server was not reached', isChange ? 'Nothing was changed. Try again when the server answers.' : 'This page was not read before, so there is nothing to show of it.', null, []);
  }

  const isOffline = response.headers.has('x-console-offline');
  network.tell(!isOffline);
  const given = response.headers.get('x-csrf-token');
  if (given) csrf.set(given);
  const value = read(await response.text());
  if (!response.ok) {
    const problem = problemOf(response.status, response.statusText, value, (name) => response.headers.get(name));
    if (problem.isSignedOut && !options.isLast) signedOut.forEach((listener) => listener());
    throw problem;
  }

  const count = response.headers.get('x-total-count');
  return { value: value as T, tag: response.headers.get('etag'), next: cursorOf(response.headers.get('link')), total: count === null ? null : Number(count), isOffline };
}

function cursorOf(link: string | null): string | null {
  const next = /<([^>]+)>;\s*rel="?next"?/.exec(link ?? '')?.[1];
  return next ? new URL(next, location.origin).searchParams.get('cursor') : null;
}
