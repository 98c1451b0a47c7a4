import { Alert, Anchor, Badge, Button, Group, SegmentedControl, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { lazy, useState, type ReactNode } from 'react';
import { Link, Route, Switch } from 'wouter';
import { get } from '../api/client';
import type { PluginView } from '../api/contract';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { Empty, Fault, PageHead, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Install } from './Install';
import { PluginGraph } from './PluginGraph';
import { Rows, useAddress } from './Rows';

const PluginPage = lazy(async () => ({ default: (await import('./PluginPage')).PluginPage }));

export const usePlugins = () => useQuery({ queryKey: ['plugins', 'list'], queryFn: () => get('/api/v1/plugins'), refetchInterval: 10_000 });

/** Plugins: all of them, as a list or as what needs what, and one of them. */
export function Plugins(): ReactNode {
  return (
    <Switch>
      <Route path="/"><All /></Route>
      <Route path="/:id">{(params) => <PluginPage id={params.id} key={params.id} />}</Route>
    </Switch>
  );
}

function All(): ReactNode {
  const words = useWords();
  const may = useMay();
  const [read, change] = useAddress();
  const [isInstalling, setIsInstalling] = useState(false);
  const plugins = usePlugins();
  const look = read('look') || 'list';
  return (
    <>
      <PageHead title={words.plugins} about={words.pluginsAbout}>
        <SegmentedControl aria-label={words.plugins} value={look} onChange={(chosen) => change({ look: chosen === 'list' ? null : chosen })} data={[{ value: 'list', label: words.list }, { value: 'graph', label: words.graph }]} />
        {may('platform.plugins:create') && <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => setIsInstalling(true)}>{words.install}</Button>}
      </PageHead>
      {plugins.isLoading ? <Waiting /> : plugins.error ? <Fault error={plugins.error} retry={() => void plugins.refetch()} /> : plugins.data?.length === 0 ? <Empty title={words.noRecords} /> : look === 'graph' ? <PluginGraph plugins={plugins.data ?? []} /> : <List plugins={plugins.data ?? []} />}
      {isInstalling && <Install update={null} onClose={() => setIsInstalling(false)} />}
    </>
  );
}

function List({ plugins }: { plugins: PluginView[] }): ReactNode {
  const words = useWords();
  const format = useFormat();
  return (
    <Rows label={words.plugins} heads={[words.name, words.state, words.version, words.health, words.category, words.since]} width={720}>
      {plugins.map((p) => (
        <Table.Tr key={p.id}>
          <Table.Td><Anchor component={Link} href={`/${p.id}`} fw={600}>{p.id}</Anchor>{p.cause && <Text size="xs" c="var(--mantine-color-error)" lineClamp={2}>{p.cause}</Text>}</Table.Td>
          <Table.Td><Badge variant="light" color={colourOf(p.state)}>{words.pluginStates[p.state as keyof typeof words.pluginStates] ?? p.state}</Badge></Table.Td>
          <Table.Td className="figures">{p.version} <Text span c="dimmed" size="xs">#{p.generation}</Text></Table.Td>
          <Table.Td>{p.health && <Badge variant="dot" color={colourOf(p.health.status)} title={p.health.detail}>{words.healthStates[p.health.status as keyof typeof words.healthStates] ?? p.health.status}</Badge>}</Table.Td>
          <Table.Td>{p.category}</Table.Td>
          <Table.Td title={format.instant(p.since)}>{format.ago(p.since)}</Table.Td>
        </Table.Tr>
      ))}
    </Rows>
  );
}

/** What is wrong with a plugin, and the way out. */
export function Troubles({ plugin }: { plugin: PluginView }): ReactNode {
  const words = useWords();
  return (
    <Stack gap="xs">
      {plugin.cause && <Alert color="red" variant="light" title={words.failedState} role="alert"><Text size="sm" className="lines">{plugin.cause}</Text>{plugin.remedy && <Text size="sm" mt="xs">{plugin.remedy}</Text>}</Alert>}
      {[plugin.warning, plugin.pending].filter(Boolean).map((text) => <Alert key={text} color="yellow" variant="light"><Text size="sm" className="lines">{text}</Text></Alert>)}
      {plugin.rollout && <Group gap="xs"><Badge variant="light" color="blue">{plugin.rollout.version}: {plugin.rollout.percent} %</Badge></Group>}
    </Stack>
  );
}
