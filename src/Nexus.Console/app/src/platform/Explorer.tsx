import { Alert, Anchor, Badge, Button, Code, Group, JsonInput, Select, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Send } from 'lucide-react';
import { useMemo, useState, type ReactNode } from 'react';
import { get } from '../api/client';
import { csrf } from '../api/http';
import { useFormat } from '../kinds/useFormat';
import { Empty, Fault, PageHead, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { useAddress } from './Rows';

interface Schema { $ref?: string; type?: string | string[]; properties?: Record<string, Schema>; items?: Schema; enum?: unknown[]; default?: unknown; example?: unknown; examples?: unknown[]; format?: string; allOf?: Schema[]; oneOf?: Schema[]; anyOf?: Schema[]; readOnly?: boolean; required?: string[] }
interface Parameter { $ref?: string; name: string; in: 'path' | 'query' | 'header' | 'cookie'; required?: boolean; description?: string; schema?: Schema }
interface Operation { operationId: string; summary?: string; description?: string; tags?: string[]; parameters?: Parameter[]; requestBody?: { content?: Record<string, { schema?: Schema; example?: unknown }> } }
interface Document { paths: Record<string, Record<string, Operation> & { parameters?: Parameter[] }>; components?: Record<string, Record<string, unknown>> }
interface Found { method: string; path: string; operation: Operation; parameters: Parameter[] }
interface Answered { status: number; statusText: string; took: number; headers: [string, string][]; text: string }

const methods = ['get', 'post', 'put', 'patch', 'delete'];
const colours: Record<string, string> = { GET: 'blue', POST: 'teal', PUT: 'orange', PATCH: 'orange', DELETE: 'red' };
const mostShown = 200_000;

/** Sends any operation of the node's OpenAPI document, as the person who is signed in. */
export function Explorer(): ReactNode {
  const words = useWords();
  const [read, change] = useAddress();
  const found = useQuery({ queryKey: ['openapi'], queryFn: () => get('/openapi.json') as Promise<unknown> as Promise<Document>, staleTime: 5000 });
  const all = useMemo(() => (found.data ? operations(found.data) : []), [found.data]);
  if (found.isLoading) return <Waiting />;
  if (found.error) return <Fault error={found.error} retry={() => void found.refetch()} />;
  const chosen = all.find((one) => one.operation.operationId === read('operation'));
  return (
    <>
      <PageHead title={words.explorer} about={words.explorerAbout}>
        <Anchor href="/graphql" size="sm">{words.openGraph}</Anchor>
        <Anchor href="/openapi.json" size="sm">{words.openDocument}</Anchor>
      </PageHead>
      <Stack gap="lg">
        <Select label={words.operation} placeholder={words.findOperation} searchable clearable limit={60} maw={720} value={chosen?.operation.operationId ?? null} onChange={(id) => change({ operation: id }, true)} clearButtonProps={{ 'aria-label': words.clear }}
          data={all.map((one) => ({ value: one.operation.operationId, label: `${one.method} ${one.path} · ${one.operation.summary ?? one.operation.operationId}` }))} nothingFoundMessage={words.noMatches} />
        {chosen ? <Try key={chosen.operation.operationId} found={chosen} document={found.data!} /> : <Empty title={words.chooseOperation} hint={words.chooseOperationHint} />}
      </Stack>
    </>
  );
}

function Try({ found, document }: { found: Found; document: Document }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const { method, path, operation, parameters } = found;
  const media = operation.requestBody?.content?.['application/json'] ?? operation.requestBody?.content?.['application/merge-patch+json'];
  const [values, setValues] = useState<Record<string, string>>({});
  const [body, setBody] = useState(() => (media ? JSON.stringify(media.example ?? sample(media.schema, document), null, 2) ?? '' : ''));
  const [answered, setAnswered] = useState<Answered | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [isSending, setSending] = useState(false);
  const shown = parameters.filter((one) => one.in !== 'cookie' && !(one.in === 'header' && one.name.toLowerCase() === 'idempotency-key'));
  const value = (one: Parameter): string => values[`${one.in} ${one.name}`] ?? '';
  const address = path.replace(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(values[`path ${name}`] ?? '')) + query(shown.filter((one) => one.in === 'query'), value);
  const isComplete = shown.every((one) => !(one.required || one.in === 'path') || value(one) !== '');

  async function submit(): Promise<void> {
    setProblem(null);
    if (media && body.trim()) {
      try { JSON.parse(body); } catch (error) { setProblem(new Error(words.notJson(error instanceof Error ? error.message : String(error)))); return; }
    }

    const headers: Record<string, string> = { accept: 'application/json, */*' };
    if (media && body.trim()) headers['content-type'] = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    if (method !== 'GET') headers['x-csrf-token'] = csrf.get() ?? '';
    if (method === 'POST') headers['idempotency-key'] = crypto.randomUUID();
    shown.filter((one) => one.in === 'header' && value(one)).forEach((one) => { headers[one.name] = value(one); });
    setSending(true);
    try {
      const begun = performance.now();
      // A stream never ends by itself; what came within a few seconds is shown.
      const response = await fetch(address, { method, headers, body: media && body.trim() ? body : null, credentials: 'same-origin' });
      const text = await beginning(response);
      setAnswered({ status: response.status, statusText: response.statusText, took: performance.now() - begun, headers: [...response.headers], text });
    } catch (error) {
      setProblem(error);
    } finally {
      setSending(false);
    }
  }

  return (
    <Stack component="form" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      <Group gap="xs"><Badge color={colours[method] ?? 'gray'}>{method}</Badge><Code className="lines">{path}</Code></Group>
      {(operation.description ?? operation.summary) && <Text size="sm">{operation.description ?? operation.summary}</Text>}
      {shown.map((one) => (
        <TextInput key={`${one.in} ${one.name}`} label={one.name} description={one.description} required={one.required || one.in === 'path'} maw={480} value={value(one)} placeholder={one.schema?.default === undefined ? undefined : String(one.schema.default)}
          onChange={(event) => { const text = event.currentTarget.value; setValues((now) => ({ ...now, [`${one.in} ${one.name}`]: text })); }} rightSection={<Text size="xs" c="dimmed">{one.in}</Text>} rightSectionWidth={60} />
      ))}
      {media && <JsonInput label={words.body} value={body} onChange={setBody} autosize minRows={4} maxRows={20} classNames={{ input: 'mono' }} />}
      <Group>
        <Button type="submit" loading={isSending} disabled={!isComplete} leftSection={<Send size={16} aria-hidden />}>{words.sendRequest}</Button>
        {method !== 'GET' && <Text size="sm" c="dimmed">{words.sendsChange}</Text>}
      </Group>
      {problem !== null && <Fault error={problem} />}
      {answered && (
        <section aria-label={words.answer} aria-live="polite">
          <Group gap="xs" mb="xs"><Title order={2}>{words.answer}</Title><Badge color={answered.status < 400 ? 'teal' : 'red'} data-status={answered.status}>{answered.status} {answered.statusText}</Badge><Text size="sm" c="dimmed" className="figures">{format.number(answered.took, 1)} ms · {format.bytes(answered.text.length)}</Text></Group>
          <Code block className="lines" mah={480} style={{ overflow: 'auto' }} tabIndex={0} role="region" aria-label={words.body}>{pretty(answered.text)}</Code>
          <Text size="sm" fw={600} mt="sm">{words.headers}</Text>
          <Code block className="lines" mb="sm">{answered.headers.map(([name, text]) => `${name}: ${text}`).join('\n')}</Code>
        </section>
      )}
      <Alert variant="light" color="gray" title={words.asCurl}><Code block className="lines">{curl(method, address, media ? body : '')}</Code></Alert>
    </Stack>
  );
}

function operations(document: Document): Found[] {
  return Object.entries(document.paths).flatMap(([path, item]) => methods.filter((method) => item[method]).map((method) => {
    const operation = item[method]!;
    return { method: method.toUpperCase(), path, operation, parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((one) => resolve(one, document)) };
  }));
}

function resolve<T extends { $ref?: string }>(one: T, document: Document): T {
  const [, , kind, name] = one.$ref?.split('/') ?? [];
  return kind && name ? ((document.components?.[kind]?.[name] as T | undefined) ?? one) : one;
}

/** A value such as a schema asks for, to be changed by the person. */
function sample(given: Schema | undefined, document: Document, depth = 0): unknown {
  if (!given || depth > 5) return null;
  const schema = resolve(given, document);
  if (schema.example !== undefined) return schema.example;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.enum?.length) return schema.enum[0];
  const part = schema.allOf?.[0] ?? schema.oneOf?.[0] ?? schema.anyOf?.[0];
  if (part && !schema.properties) return sample(part, document, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== 'null') : schema.type;
  if (type === 'array') return [];
  if (type === 'object' || schema.properties) return Object.fromEntries(Object.entries(schema.properties ?? {}).filter(([, property]) => !property.readOnly).map(([name, property]) => [name, sample(property, document, depth + 1)]));
  return { string: '', integer: 0, number: 0, boolean: false }[type ?? ''] ?? null;
}

function query(parameters: Parameter[], value: (one: Parameter) => string): string {
  const given = parameters.filter((one) => value(one) !== '').map((one) => [one.name, value(one)]);
  return given.length ? `?${new URLSearchParams(given).toString()}` : '';
}

async function beginning(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  const timer = setTimeout(() => void reader.cancel(), 5000);
  let text = '';
  try {
    for (let part = await reader.read(); !part.done && text.length < mostShown; part = await reader.read()) text += decoder.decode(part.value, { stream: true });
  } finally {
    clearTimeout(timer);
    void reader.cancel();
  }

  return text;
}

function pretty(text: string): string {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const curl = (method: string, address: string, body: string): string =>
  `curl -X ${method} ${quoted(location.origin + address)} -H "Authorization: Bearer $TOKEN"${body.trim() ? ` -H 'Content-Type: application/json' -d ${quoted(body)}` : ''}`;
