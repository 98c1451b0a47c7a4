import { Alert, Anchor, Badge, Button, FileButton, Group, Progress, Stack, Table, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Upload } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { addressOf, get } from '../api/client';
import type { PluginPreview as Preview } from '../api/contract';
import { Problem } from '../api/http';
import { sendForm, type Step } from '../api/lines';
import { Fault, tellDone, Waiting } from '../shell/Parts';
import { useIsThere } from '../shell/useIsThere';
import { useWords } from '../words';
import { Rows, Side } from './Rows';


type Source = { file: File } | { source: string };

/** Installs a package, or updates a plugin: what will change is shown first, then how far it is. */
export function Install({ update, onClose }: { update: string | null; onClose: () => void }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const isThere = useIsThere();
  const [text, setText] = useState('');
  const [source, setSource] = useState<Source | null>(null);
  const [preview, setPreview] = useState<Preview | null>(null);
  const [steps, setSteps] = useState<Step[]>([]);
  const [isBusy, setIsBusy] = useState(false);
  const [fault, setFault] = useState<unknown>(null);
  const offers = useQuery({ queryKey: ['plugins', 'offers'], queryFn: () => get('/api/v1/plugins/search'), retry: false, enabled: update === null });

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setIsBusy(true);
    setFault(null);
    try {
      await work();
    } catch (wrong) {
      setFault(wrong);
    } finally {
      setIsBusy(false);
    }
  };
  const bodyOf = (from: Source): FormData | Record<string, unknown> => {
    if (!('file' in from)) return { source: from.source };
    const form = new FormData();
    form.append('package', from.file);
    return form;
  };
  const look = (from: Source): Promise<void> => attempt(async () => {
    const found = await sendForm<Preview>(addressOf('POST', '/api/v1/plugins/preview'), bodyOf(from));
    if (update !== null && found.id !== update) throw new Problem(422, 'VALIDATION_ERROR', words.otherPlugin, words.otherPluginHint(found.id, update), null, []);
    setSource(from);
    setPreview(found);
  });
  const run = (): Promise<void> => attempt(async () => {
    if (!source || !preview) return;
    setSteps([]);
    const isUpdate = preview.from !== null;
    const body = bodyOf(source);
    await sendForm(isUpdate ? addressOf('POST', '/api/v1/plugins/{id}/update', { path: { id: preview.id }, query: { force: preview.isLower } }) : addressOf('POST', '/api/v1/plugins'), body instanceof FormData ? body : { ...body, force: preview.isLower }, (step) => setSteps((was) => [...was, step]));
    tellDone(`${preview.id} ${preview.to}: ${words.done}`);
    await client.invalidateQueries({ queryKey: ['plugins'] });
    if (isThere()) onClose();
  });

  const unmet = preview?.dependencies.filter((one) => !one.isMet && !one.optional) ?? [];
  return (
    <Side title={update === null ? words.install : `${words.update}: ${update}`} onClose={onClose}>
      <Stack>
        {preview === null ? (
          <>
            <form onSubmit={(event) => { event.preventDefault(); if (text.trim()) void look({ source: text.trim() }); }}>
              <Group align="flex-end" wrap="nowrap">
                <TextInput className="grow" label={words.packageSource} description={words.packageSourceHint} value={text} onChange={(e) => setText(e.currentTarget.value)} data-autofocus />
                <Button type="submit" loading={isBusy} disabled={!text.trim()}>{words.lookAtIt}</Button>
              </Group>
            </form>
            <FileButton accept=".nxp,.zip" onChange={(file) => { if (file) void look({ file }); }} inputProps={{ 'aria-label': words.uploadPackage }}>{(props) => <Button {...props} variant="default" leftSection={<Upload size={16} aria-hidden />} loading={isBusy}>{words.uploadPackage}</Button>}</FileButton>
            {fault !== null && <Fault error={fault} />}
            {update === null && (offers.isLoading ? <Waiting lines={2} /> : (offers.data ?? []).length > 0 && (
              <Rows label={words.offers} heads={[words.name, words.version, words.description]} width={420}>
                {offers.data?.map((one) => <Table.Tr key={one.name}><Table.Td><Anchor component="button" type="button" size="sm" disabled={isBusy} onClick={() => void look({ source: one.name })}>{one.displayName ?? one.name}</Anchor></Table.Td><Table.Td>{one.version}</Table.Td><Table.Td>{one.description}</Table.Td></Table.Tr>)}
              </Rows>
            ))}
          </>
        ) : (
          <>
            <Changes preview={preview} />
            {unmet.length > 0 && <Alert color="red" variant="light" title={words.unmet}>{unmet.map((one) => `${one.id} ${one.range}`).join(', ')}</Alert>}
            {steps.length > 0 && <Steps steps={steps} isBusy={isBusy} />}
            {fault !== null && <Fault error={fault} />}
            <Group justify="flex-end" gap="xs">
              <Button variant="default" disabled={isBusy} onClick={() => { setPreview(null); setFault(null); setSteps([]); }}>{words.back}</Button>
              <Button loading={isBusy} onClick={() => void run()}>{preview.from === null ? words.install : words.update}</Button>
            </Group>
          </>
        )}
      </Stack>
    </Side>
  );
}

function Changes({ preview }: { preview: Preview }): ReactNode {
  const words = useWords();
  const lines: [string, ReactNode][] = [
    [words.version, <Group key="v" gap="xs"><Text size="sm">{preview.from ?? words.none}</Text><Text size="sm" aria-hidden>→</Text><Text size="sm" fw={600}>{preview.to}</Text>{preview.isLower && <Badge color="yellow" variant="light">{words.lower}</Badge>}</Group>],
    [words.isolation, <Text key="i" size="sm">{preview.isolation}{preview.needsRestart && ` · ${words.restartExplained}`}</Text>],
    [words.newPermissions, preview.permissions.added.length > 0 && preview.permissions.added.map((one) => <Text key={one.name} size="sm"><b>{one.name}</b>: {one.reason}</Text>)],
    [words.gonePermissions, preview.permissions.removed.join(', ')],
    [words.dependencies, preview.dependencies.length > 0 && preview.dependencies.map((one) => <Text key={one.id} size="sm" c={one.isMet || one.optional ? undefined : 'var(--mantine-color-error)'}>{one.id} {one.range}: {one.found ?? words.none}</Text>)],
    [words.newSettings, preview.settings.added.join(', ')],
    [words.goneSettings, preview.settings.removed.join(', ')],
    [words.author, [preview.author, preview.license].filter(Boolean).join(' · ')],
  ];
  return (
    <section aria-label={words.willChange}>
      <Text fw={650}>{preview.id}</Text>
      <Text size="sm" c="dimmed" mb="sm">{preview.description}</Text>
      <Table variant="vertical" withRowBorders={false} highlightOnHover={false}><Table.Tbody>{lines.filter(([, value]) => value).map(([label, value]) => <Table.Tr key={label}><Table.Th fw={400} c="dimmed" bg="transparent" px={0} w={170}>{label}</Table.Th><Table.Td>{value}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
    </section>
  );
}

export function Steps({ steps, isBusy }: { steps: Step[]; isBusy: boolean }): ReactNode {
  const words = useWords();
  const last = steps.at(-1);
  return (
    <div role="status">
      <Progress value={last?.fraction === undefined || last.fraction === null ? 100 : 100 * last.fraction} animated={isBusy} aria-label={words.progress} mb="xs" />
      {steps.map((one, at) => <Text key={at} size="sm" c={at === steps.length - 1 ? undefined : 'dimmed'}>{one.step}</Text>)}
    </div>
  );
}
