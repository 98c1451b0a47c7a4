import { csrf, Problem, type FieldProblem } from './http';

/** Sends a change whose answer comes in lines of JSON, and hands each on as it arrives. */
export async function followLines<T>(path: string, take: (line: T) => void): Promise<void> {
  const token = csrf.get();
  const response = await fetch(path, { method: 'POST', credentials: 'same-origin', headers: { accept: 'application/x-ndjson', 'idempotency-key': crypto.randomUUID(), ...(token ? { 'x-csrf-token': token } : {}) } });
  if (!response.ok || !response.body) throw await problemOf(response);
  await readLines(response.body, take);
}

async function problemOf(response: Response): Promise<Problem> {
  const problem = (await response.json().catch(() => ({}))) as { code?: string; title?: string; detail?: string; traceId?: string; errors?: FieldProblem[] };
  return new Problem(response.status, problem.code ?? `HTTP_${response.status}`, problem.title ?? `Error ${response.status}`, problem.detail ?? response.statusText, problem.traceId ?? null, problem.errors ?? []);
}

async function readLines<T>(body: ReadableStream<Uint8Array<ArrayBuffer>>, take: (line: T) => void): Promise<void> {
  let rest = '';
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + read.value).split('\n');
    rest = lines.pop() ?? '';
    lines.filter(Boolean).forEach((line) => take(JSON.parse(line) as T));
  }
}

/** A step of a long command: 0 to 1, where it can be told. */
export interface Step { plugin: string; step: string; fraction?: number | null }

type Line<T> = { event: 'progress'; data: Step } | { event: 'done'; data: T } | { event: 'failed'; data: { code?: string; title?: string; detail?: string; errors?: FieldProblem[] } };

/** Sends a command with a file or with JSON; with somebody to tell, its steps are told as they are taken. */
export async function sendForm<T>(path: string, body: FormData | Record<string, unknown>, tell?: (step: Step) => void): Promise<T> {
  const token = csrf.get();
  const isForm = body instanceof FormData;
  const response = await fetch(path, { method: 'POST', credentials: 'same-origin', body: isForm ? body : JSON.stringify(body), headers: { accept: tell ? 'application/x-ndjson' : 'application/json', ...(isForm ? {} : { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() }), ...(token ? { 'x-csrf-token': token } : {}) } });
  if (!response.ok || !response.body) throw await problemOf(response);
  if (!tell) return (await response.json()) as T;
  let end: Line<T> | undefined;
  await readLines<Line<T>>(response.body, (line) => { if (line.event === 'progress') tell(line.data); else end = line; });
  if (end?.event === 'done') return end.data;
  const problem = end?.event === 'failed' ? end.data : {};
  throw new Problem(500, problem.code ?? 'INTERNAL_ERROR', problem.title ?? '', problem.detail ?? problem.title ?? '', null, problem.errors ?? []);
}
