import { csrf, Problem } from './http';

/** Sends a change whose answer comes in lines of JSON, and hands each on as it arrives. */
export async function followLines<T>(path: string, take: (line: T) => void): Promise<void> {
  const token = csrf.get();
  const response = await fetch(path, { method: 'POST', credentials: 'same-origin', headers: { accept: 'application/x-ndjson', 'idempotency-key': crypto.randomUUID(), ...(token ? { 'x-csrf-token': token } : {}) } });
  if (!response.ok || !response.body) {
    const problem = (await response.json().catch(() => ({}))) as { code?: string; title?: string; detail?: string; traceId?: string };
    throw new Problem(response.status, problem.code ?? `HTTP_${response.status}`, problem.title ?? `Error ${response.status}`, problem.detail ?? response.statusText, problem.traceId ?? null, []);
  }

  let rest = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + read.value).split('\n');
    rest = lines.pop() ?? '';
    lines.filter(Boolean).forEach((line) => take(JSON.parse(line) as T));
  }
}
