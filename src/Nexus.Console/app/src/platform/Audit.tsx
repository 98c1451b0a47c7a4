import { Alert, Badge, Button, Card, Group, Progress, Select, SimpleGrid, Stack, Table, Text, TextInput, Title, UnstyledButton } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Download, Search, ShieldCheck } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { spoken } from '../api/catalogue';
import { addressOf, get } from '../api/client';
import type { CoreAuditVerification } from '../api/contract';
import { followLines } from '../api/lines';
import { useNames } from '../api/names';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { Empty, Fault, PageHead, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Facts, Json, Rows, Side, useAddress } from './Rows';

const results = ['success', 'denied', 'failure'] as const;
const colours: Record<string, string> = { success: 'teal', denied: 'yellow', failure: 'red' };

/** Who did what, as the sealed trail has it, and whether the trail still is what was sealed. */
export function Audit(): ReactNode {
  const words = useWords();
  const [read, change] = useAddress();
  return (
    <>
      <PageHead title={words.audit} about={words.auditAbout} />
      <Stack gap="lg">
        <Trust />
        <Filters />
        <Entries />
      </Stack>
      <Side title={read('open') ? `${words.entry} ${read('open')}` : null} onClose={() => change({ open: null }, true)}><Detail position={read('open')} /></Side>
    </>
  );
}

/** How far the trail is sealed, and the check of all of it. */
function Trust(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const may = useMay();
  const status = useQuery({ queryKey: ['audit', 'status'], queryFn: () => get('/api/v1/audit/status'), refetchInterval: 10_000 });
  const [progress, setProgress] = useState<number | null>(null);
  const [verified, setVerified] = useState<CoreAuditVerification | null>(null);
  const verify = async (): Promise<void> => {
    setVerified(null);
    setProgress(0);
    try {
      await followLines<CoreAuditVerification | { verified: number; entries: number }>(addressOf('POST', '/api/v1/audit/verify'), (line) => {
        if ('sound' in line) setVerified(line);
        else setProgress((100 * line.verified) / Math.max(1, line.entries));
      });
    } catch (fault) {
      tellFault(fault, words);
    }
    setProgress(null);
  };
  const seal = status.data?.seal;
  return (
    <Card withBorder>
      <Group justify="space-between" align="flex-start">
        <div>
          <Text fw={600}>{words.entriesSealed(format.number(status.data?.entries ?? 0), status.data?.entries ?? 0)}</Text>
          {seal && <Text size="sm" c="dimmed" title={format.instant(seal.at)}>{words.lastSeal} {format.number(seal.number)} · {format.ago(seal.at)} · {words.sealKey} {seal.key}</Text>}
        </div>
        {may('platform.audit:verify') && <Button variant="light" leftSection={<ShieldCheck size={16} aria-hidden />} loading={progress !== null} onClick={() => void verify()}>{words.verify}</Button>}
      </Group>
      {progress !== null && <Progress value={progress} mt="sm" animated aria-label={words.verify} />}
      {[status.data?.failure, status.data?.contradiction].filter(Boolean).map((text) => <Alert key={text} color="red" variant="light" mt="sm">{text}</Alert>)}
      {verified && (
        <Alert mt="sm" role="status" variant="light" color={verified.sound ? 'teal' : 'red'} title={verified.sound ? words.trailSound : words.trailBroken}>
          <Text size="sm">{verified.finding ? `${words.entry} ${format.number(verified.finding.position)}: ${verified.finding.kind}. ${verified.finding.detail}` : words.trailChecked(format.number(verified.entries), format.number(verified.seals), format.number(verified.seconds, 3))}</Text>
        </Alert>
      )}
    </Card>
  );
}

function Filters(): ReactNode {
  const words = useWords();
  const [read, change] = useAddress();
  const [typed, setTyped] = useState<Record<string, string>>({ q: read('q'), actor: read('actor'), action: read('action'), subject: read('subject') });
  const look = useDebouncedCallback((texts: Record<string, string>) => change(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, text.trim() || null]))), 300);
  const type = (name: string, text: string): void => { const next = { ...typed, [name]: text }; setTyped(next); look(next); };
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 5 }} role="search">
      <TextInput label={words.search} leftSection={<Search size={16} aria-hidden />} value={typed['q'] ?? ''} onChange={(e) => type('q', e.currentTarget.value)} />
      <TextInput label={words.who} value={typed['actor'] ?? ''} onChange={(e) => type('actor', e.currentTarget.value)} />
      <TextInput label={words.what} placeholder="orders.orders.created" value={typed['action'] ?? ''} onChange={(e) => type('action', e.currentTarget.value)} />
      <TextInput label={words.subject} placeholder="orders/…" value={typed['subject'] ?? ''} onChange={(e) => type('subject', e.currentTarget.value)} />
      <Select label={words.result} placeholder={words.all} clearable clearButtonProps={{ 'aria-label': words.clear }} value={read('result') || null} onChange={(result) => change({ result })} data={results.map((one) => ({ value: one, label: words.auditResults[one] }))} />
    </SimpleGrid>
  );
}

function Result({ result }: { result: string }): ReactNode {
  const words = useWords();
  return <Badge variant="light" color={colours[result] ?? 'gray'}>{words.auditResults[result as 'success'] ?? result}</Badge>;
}

function Entries(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const nameOf = useNames();
  const [read, change] = useAddress();
  const wanted = { q: read('q'), actor: read('actor'), action: read('action'), subject: read('subject'), result: read('result') };
  const pages = useInfiniteQuery({
    queryKey: ['audit', 'list', wanted],
    queryFn: ({ pageParam, signal }) => get('/api/v1/audit', { query: { ...wanted, cursor: pageParam, limit: 50 }, signal }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextCursor ?? undefined,
  });
  if (pages.isLoading) return <Waiting />;
  if (pages.error) return <Fault error={pages.error} retry={() => void pages.refetch()} />;
  const rows = pages.data?.pages.flatMap((one) => one.items) ?? [];
  const isFiltered = Object.values(wanted).some(Boolean);
  if (rows.length === 0) return <Empty title={isFiltered ? words.noMatches : words.noRecords} hint={isFiltered ? words.noMatchesHint : words.noEntriesHint} />;
  return (
    <Stack gap="sm">
      <Rows label={words.audit} heads={[words.what, words.who, words.subject, words.result, words.when]} width={820}>
        {rows.map((entry) => (
          <Table.Tr key={entry.position}>
            <Table.Td><UnstyledButton fz="sm" fw={600} c="var(--mantine-color-anchor)" onClick={() => change({ open: String(entry.position) }, true)}>{entry.action}</UnstyledButton></Table.Td>
            <Table.Td title={entry.actor}>{nameOf(entry.actor)}</Table.Td>
            <Table.Td><Text size="sm" lineClamp={1} maw={320} title={entry.subject}>{entry.subject}</Text></Table.Td>
            <Table.Td><Result result={entry.result} /></Table.Td>
            <Table.Td className="figures" title={format.instant(entry.at)}>{format.ago(entry.at)}</Table.Td>
          </Table.Tr>
        ))}
      </Rows>
      {pages.hasNextPage && <Group justify="center"><Button variant="light" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>{words.more}</Button></Group>}
    </Stack>
  );
}

function Detail({ position }: { position: string }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const nameOf = useNames();
  const found = useQuery({ queryKey: ['audit', 'one', position], queryFn: () => get('/api/v1/audit/{position}', { path: { position } }) });
  if (found.isLoading) return <Waiting />;
  if (!found.data) return <Fault error={found.error} retry={() => void found.refetch()} />;
  const entry = found.data;
  const detail = typeof entry.detail === 'object' && entry.detail !== null ? (entry.detail as { changes?: Record<string, { old?: unknown; new?: unknown }> }) : null;
  const { changes, ...rest } = detail ?? {};
  const saveProof = async (): Promise<void> => {
    try {
      const proof = await get('/api/v1/audit/{position}/proof', { path: { position } });
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([JSON.stringify(proof, null, 2)], { type: 'application/json' }));
      link.download = `audit-${position}-proof.json`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (fault) {
      tellFault(fault, words);
    }
  };
  return (
    <Stack gap="lg">
      <Group justify="space-between"><Group gap="xs"><Text fw={650}>{entry.action}</Text><Result result={entry.result} /></Group><Button size="compact-sm" variant="light" leftSection={<Download size={14} aria-hidden />} onClick={() => void saveProof()}>{words.proof}</Button></Group>
      <Facts facts={[[words.when, format.instant(entry.at)], [words.who, nameOf(entry.actor) === entry.actor ? entry.actor : `${nameOf(entry.actor)} (${entry.actor})`], [words.subject, entry.subject], [words.address, entry.address], [words.device, entry.userAgent], [words.correlation, entry.correlationId]]} />
      {changes && (
        <div>
          <Title order={3} mb="xs">{words.changes}</Title>
          <Rows label={words.changes} heads={[words.name, words.before, words.after]} width={420}>
            {Object.entries(changes).map(([name, one]) => (
              <Table.Tr key={name}>
                <Table.Td c="dimmed">{spoken(name)}</Table.Td>
                <Table.Td className="lines">{'old' in one && <del>{plain(one.old)}</del>}</Table.Td>
                <Table.Td className="lines">{'new' in one && <ins>{plain(one.new)}</ins>}</Table.Td>
              </Table.Tr>
            ))}
          </Rows>
        </div>
      )}
      {(detail ? Object.keys(rest).length > 0 : Boolean(entry.detail)) && <section aria-label={words.details}><Title order={3} mb="xs">{words.details}</Title><Json value={detail ? rest : entry.detail} /></section>}
    </Stack>
  );
}

const plain = (value: unknown): string => (typeof value === 'string' ? value : value === null || value === undefined ? '–' : JSON.stringify(value));
