import { Badge, Code, Select, SimpleGrid, Stack, Switch, Table, Text, TextInput, UnstyledButton } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Search } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { get } from '../api/client';
import type { NodeLogLine, PluginLogLine } from '../api/contract';
import { useFormat } from '../kinds/useFormat';
import { Empty, Fault, PageHead, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Rows, useAddress } from './Rows';

export const levels = ['trace', 'debug', 'information', 'warning', 'error', 'critical'];

/** The newest lines of this node, newest first, as they come. */
export function Log(): ReactNode {
  const words = useWords();
  const [read, change] = useAddress();
  const [isLive, setIsLive] = useState(true);
  const level = read('level') || 'information';
  const filter = { level, component: read('component'), search: read('q'), request: read('request'), limit: 500 };
  const found = useQuery({ queryKey: ['log', filter], queryFn: ({ signal }) => get('/api/v1/logs', { query: filter, signal }), refetchInterval: isLive ? 2000 : false, placeholderData: keepPreviousData });
  return (
    <>
      <PageHead title={words.log} about={words.logAbout}><Switch label={words.live} checked={isLive} onChange={(e) => setIsLive(e.currentTarget.checked)} /></PageHead>
      <Stack gap="lg">
        <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} role="search">
          <Select label={words.level} value={level} onChange={(chosen) => change({ level: chosen === 'information' ? null : chosen })} data={levels} allowDeselect={false} />
          <Typed name="q" label={words.search} icon={<Search size={16} aria-hidden />} />
          <Typed name="component" label={words.component} placeholder="Nexus.Gateway" />
          <Typed name="request" label={words.request} />
        </SimpleGrid>
        {found.isLoading ? <Waiting /> : found.error ? <Fault error={found.error} retry={() => void found.refetch()} /> : <LogTable lines={found.data ?? []} onRequest={(request) => change({ request }, true)} />}
      </Stack>
    </>
  );
}

/** A word of the address that is typed; looked for when the typing rests, and changed when a link sets it. */
function Typed({ name, label, placeholder, icon }: { name: string; label: string; placeholder?: string; icon?: ReactNode }): ReactNode {
  const [read, change] = useAddress();
  const set = read(name);
  const [typed, setTyped] = useState<string | null>(null);
  const look = useDebouncedCallback((text: string) => { change({ [name]: text.trim() || null }); setTyped(null); }, 300);
  return <TextInput label={label} placeholder={placeholder} leftSection={icon} maxLength={200} value={typed ?? set} onChange={(e) => { setTyped(e.currentTarget.value); look(e.currentTarget.value); }} />;
}

/** Lines of a log, newest first. */
export function LogTable({ lines, onRequest }: { lines: readonly (PluginLogLine & Partial<NodeLogLine>)[]; /** Looks for a request whose id is chosen. */ onRequest?: (id: string) => void }): ReactNode {
  const words = useWords();
  const format = useFormat();
  if (lines.length === 0) return <Empty title={words.noLines} />;
  return (
    <Rows label={words.log} heads={[words.when, words.level, words.what]} width={560}>
      {[...lines].reverse().map((line) => (
        <Table.Tr key={line.number}>
          <Table.Td className="figures">{format.instant(line.at)}</Table.Td>
          <Table.Td><Badge variant="light" color={/error|critical/i.test(line.level) ? 'red' : /warn/i.test(line.level) ? 'yellow' : 'gray'}>{line.level}</Badge></Table.Td>
          <Table.Td>
            <Text size="sm" className="lines">{line.message}</Text>
            <Text size="xs" c="dimmed" component="div">{line.category}{line.requestId && onRequest && <> · <UnstyledButton fz="xs" c="var(--mantine-color-anchor)" onClick={() => onRequest(line.requestId!)}>{line.requestId}</UnstyledButton></>}</Text>
            {line.error && <Code block className="lines">{line.error}</Code>}
          </Table.Td>
        </Table.Tr>
      ))}
    </Rows>
  );
}
