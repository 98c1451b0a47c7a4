import { Alert, Anchor, Badge, Breadcrumbs, Button, Card, Code, Group, Menu, Select, Stack, Table, Tabs, Text, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronDown, Upload } from 'lucide-react';
import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useCatalogue, titleOf } from '../api/catalogue';
import { addressOf, get, put, remove } from '../api/client';
import type { PluginAlive, PluginDetail } from '../api/contract';
import { Problem } from '../api/http';
import { sendForm, type Step } from '../api/lines';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { ask } from '../resources/ask';
import { Dialog, Empty, Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Install, Steps } from './Install';
import { Troubles, usePlugins } from './Plugins';
import { levels, LogTable } from './Log';
import { Facts, Rows, useAddress } from './Rows';
import type { Schema } from './schema';
import { SchemaForm } from './SchemaForm';

const Chart = lazy(async () => ({ default: (await import('../contributed/Chart')).Chart }));

/** One plugin: what it is, what it may, how it is set, how it does, and everything that is done with it. */
export function PluginPage({ id }: { id: string }): ReactNode {
  const words = useWords();
  const may = useMay();
  const [read, change] = useAddress();
  const found = useQuery({ queryKey: ['plugins', 'one', id], queryFn: () => get('/api/v1/plugins/{id}', { path: { id } }), refetchInterval: 5000 });
  const trail = <Breadcrumbs mb="xs" fz="sm"><Anchor component={Link} href="/">{words.plugins}</Anchor><Text span size="sm" c="dimmed">{id}</Text></Breadcrumbs>;
  if (found.isLoading) return <Waiting />;
  if (!found.data) return <>{trail}{found.error instanceof Problem && found.error.status === 404 ? <Empty isPage title={words.notFound} hint={words.notFoundHint} /> : <Fault error={found.error} retry={() => void found.refetch()} />}</>;
  const plugin = found.data;
  const tabs = [
    ['overview', words.details, <Overview key="o" plugin={plugin} />],
    ...(plugin.manifest?.configuration && may('platform.config:read') ? [['config', words.config, <Settings key="c" id={id} />] as const] : []),
    ['permissions', words.permissions, <Capabilities key="p" id={id} />],
    ['metrics', words.metrics, <Metrics key="m" id={id} />],
    ['logs', words.log, <Logs key="l" id={id} />],
    ['memory', words.whyAlive, <Alive key="w" plugin={plugin} />],
  ] as const;
  const tab = tabs.some(([name]) => name === read('tab')) ? read('tab') : 'overview';
  return (
    <>
      {trail}
      <PageHead title={plugin.manifest?.displayName ?? id} about={plugin.manifest?.description}>
        <Badge size="lg" variant="light" color={colourOf(plugin.state)}>{words.pluginStates[plugin.state as keyof typeof words.pluginStates] ?? plugin.state}</Badge>
        <Doings plugin={plugin} />
      </PageHead>
      <Stack>
        <Troubles plugin={plugin} />
        <Tabs value={tab} onChange={(chosen) => change({ tab: chosen === 'overview' ? null : chosen }, true)} keepMounted={false}>
          <Tabs.List mb="md">{tabs.map(([name, label]) => <Tabs.Tab key={name} value={name}>{label}</Tabs.Tab>)}</Tabs.List>
          {tabs.map(([name, , page]) => <Tabs.Panel key={name} value={name}>{page}</Tabs.Panel>)}
        </Tabs>
      </Stack>
    </>
  );
}

/** What an operator does with it; each is asked about, and told step by step. */
function Doings({ plugin }: { plugin: PluginDetail }): ReactNode {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [, go] = useLocation();
  const [isUpdating, setIsUpdating] = useState(false);
  const [doing, setDoing] = useState<{ title: string; steps: Step[]; fault: unknown; isBusy: boolean } | null>(null);
  const others = usePlugins().data ?? [];
  const run = async (path: 'enable' | 'disable' | 'reload' | 'rollback', title: string, text: string, isDangerous = false): Promise<void> => {
    if (!(await ask({ title: `${title}: ${plugin.id}`, text, confirm: title, cancel: words.cancel, isDangerous }))) return;
    setDoing({ title, steps: [], fault: null, isBusy: true });
    try {
      await sendForm(addressOf('POST', `/api/v1/plugins/{id}/${path}`, { path: { id: plugin.id } }), {}, (step) => setDoing((was) => was && { ...was, steps: [...was.steps, step] }));
      setDoing(null);
      tellDone(`${plugin.id}: ${words.done}`);
    } catch (fault) {
      setDoing((was) => was && { ...was, fault, isBusy: false });
    }
    await client.invalidateQueries({ queryKey: ['plugins'] });
  };
  const uninstall = async (): Promise<void> => {
    if (!(await ask({ title: `${words.uninstall}: ${plugin.id}`, text: words.uninstallHint, confirm: words.uninstall, cancel: words.cancel, isDangerous: true }))) return;
    // From the list: the page of what is going would ask for it.
    go('/');
    try {
      await remove('/api/v1/plugins/{id}', { path: { id: plugin.id } });
      tellDone(`${plugin.id}: ${words.done}`);
    } catch (fault) {
      tellFault(fault, words);
    }
    await client.invalidateQueries({ queryKey: ['plugins'] });
  };
  const window = (
    <Dialog isOpen={doing !== null} onClose={() => { if (!doing?.isBusy) setDoing(null); }} title={doing?.title ?? ''}>
      {doing && <Stack><Steps steps={doing.steps} isBusy={doing.isBusy} />{doing.fault !== null && <Fault error={doing.fault} />}</Stack>}
    </Dialog>
  );
  if (plugin.origin === 'core' || !(may('platform.plugins:update') || may('platform.plugins:delete'))) return window;
  const isNeededBy = others.filter((one) => one.id !== plugin.id).length > 0 ? words.disableHint : '';
  return (
    <>
      {may('platform.plugins:update') && may('platform.plugins:create') && <Button variant="light" leftSection={<Upload size={16} aria-hidden />} onClick={() => setIsUpdating(true)}>{words.update}</Button>}
      <Menu position="bottom-end">
        <Menu.Target><Button variant="default" rightSection={<ChevronDown size={14} aria-hidden />}>{words.actions}</Button></Menu.Target>
        <Menu.Dropdown>
          {may('platform.plugins:update') && plugin.previous.length > 0 && <Menu.Item onClick={() => void run('rollback', words.rollback, words.rollbackHint(plugin.version, (plugin.previous[0] ?? '').slice(0, 12)))}>{words.rollback}</Menu.Item>}
          {may('platform.plugins:update') && (plugin.enabled
            ? <><Menu.Item onClick={() => void run('reload', words.reload, words.reloadHint)}>{words.reload}</Menu.Item><Menu.Item onClick={() => void run('disable', words.disable, isNeededBy, true)}>{words.disable}</Menu.Item></>
            : <Menu.Item onClick={() => void run('enable', words.enable, '')}>{words.enable}</Menu.Item>)}
          {may('platform.plugins:delete') && <Menu.Item color="red" onClick={() => void uninstall()}>{words.uninstall}</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      {isUpdating && <Install update={plugin.id} onClose={() => setIsUpdating(false)} />}
      {window}
    </>
  );
}

function Overview({ plugin }: { plugin: PluginDetail }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const resources = (useCatalogue().data ?? []).filter((r) => r.plugin === plugin.id);
  const needs = plugin.manifest?.dependencies ?? [];
  const all = usePlugins().data ?? [];
  return (
    <Stack>
      <Card withBorder>
        <Facts facts={[
          [words.version, `${plugin.version} #${plugin.generation}`], [words.health, plugin.health && <Badge variant="dot" color={colourOf(plugin.health.status)}>{words.healthStates[plugin.health.status as keyof typeof words.healthStates] ?? plugin.health.status}</Badge>], [words.what, plugin.health?.detail],
          [words.since, format.instant(plugin.since)], [words.category, plugin.category], [words.isolation, plugin.isolation], [words.author, [plugin.manifest?.author, plugin.manifest?.license].filter(Boolean).join(' · ')], [words.previousVersions, plugin.previous.map((hash) => hash.slice(0, 12)).join(', ')],
          [words.package, plugin.contentHash && <Code>{plugin.contentHash.slice(0, 12)}</Code>], [words.routes, format.number(plugin.routes)], [words.requests, format.number(plugin.counters['requests'] ?? 0)], [words.subscribers, format.number(plugin.counters['subscriptions'] ?? 0)],
        ]} />
      </Card>
      {resources.length > 0 && <section aria-label={words.resources}><Title order={2} mb="xs">{words.resources}</Title><Group gap="xs">{resources.map((r) => <Button key={r.name} variant="default" size="compact-md" component="a" href={`/console/r/${r.name}`}>{titleOf(r)}</Button>)}</Group></section>}
      {needs.length > 0 && (
        <div>
          <Title order={2} mb="xs">{words.dependencies}</Title>
          <Rows label={words.dependencies} heads={[words.plugin, words.wanted, words.version, words.state]} width={420}>
            {needs.map((one) => {
              const there = all.find((p) => p.id === one.id);
              return <Table.Tr key={one.id}><Table.Td>{there ? <Anchor component={Link} href={`/${one.id}`} size="sm">{one.id}</Anchor> : one.id}{one.optional && <Text span size="xs" c="dimmed"> ({words.optional})</Text>}</Table.Td><Table.Td><Code>{one.range}</Code></Table.Td><Table.Td>{there?.version ?? words.none}</Table.Td><Table.Td>{there && <Badge variant="light" color={colourOf(there.state)}>{words.pluginStates[there.state as keyof typeof words.pluginStates] ?? there.state}</Badge>}</Table.Td></Table.Tr>;
            })}
          </Rows>
        </div>
      )}
    </Stack>
  );
}

function Settings({ id }: { id: string }): ReactNode {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const found = useQuery({ queryKey: ['plugins', 'config', id], queryFn: () => get('/api/v1/plugins/{id}/config', { path: { id } }) });
  if (found.isLoading) return <Waiting />;
  if (!found.data?.schema) return found.error ? <Fault error={found.error} retry={() => void found.refetch()} /> : <Empty title={words.noRecords} />;
  return (
    <Card withBorder maw={720}>
      <SchemaForm key={JSON.stringify(found.data.values)} schema={found.data.schema as Schema} values={found.data.values} isReadOnly={!may('platform.config:update')} onSubmit={async (changes) => {
        const answer = await put('/api/v1/plugins/{id}/config', { path: { id }, body: changes });
        tellDone(answer.restart_required ? words.savedForRestart : words.saved);
        await client.invalidateQueries({ queryKey: ['plugins'] });
      }} />
    </Card>
  );
}

function Capabilities({ id }: { id: string }): ReactNode {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const found = useQuery({ queryKey: ['plugins', 'permissions', id], queryFn: () => get('/api/v1/plugins/{id}/permissions', { path: { id } }) });
  if (found.isLoading) return <Waiting />;
  if (!found.data) return <Fault error={found.error} retry={() => void found.refetch()} />;
  const { requested, granted, denied, guards } = found.data;
  const names = [...new Set([...requested.map((one) => one.name), ...granted, ...denied])].sort();
  const decide = async (name: string, isGrant: boolean): Promise<void> => {
    const title = isGrant ? words.grant : words.deny;
    if (!(await ask({ title: `${title}: ${name}`, text: words.capabilityHint, confirm: title, cancel: words.cancel, isDangerous: !isGrant }))) return;
    await put('/api/v1/plugins/{id}/permissions', { path: { id }, body: isGrant ? { grant: [name] } : { deny: [name] } }).then(() => tellDone(words.saved), (fault: unknown) => tellFault(fault, words));
    await client.invalidateQueries({ queryKey: ['plugins'] });
  };
  return (
    <Stack>
      <div>
        <Title order={2} mb="xs">{words.mayUse}</Title>
        <Rows label={words.mayUse} heads={[words.permission, words.asksFor, words.state, ...(may('platform.plugins:update') ? [words.actions] : [])]} width={560}>
          {names.map((name) => (
            <Table.Tr key={name}>
              <Table.Td><Code>{name}</Code></Table.Td>
              <Table.Td>{requested.find((one) => one.name === name)?.reason ?? <Text span size="sm" c="dimmed">{words.notAsked}</Text>}</Table.Td>
              <Table.Td>{granted.includes(name) ? <Badge variant="light" color="teal">{words.allowed}</Badge> : <Badge variant="light" color="red">{words.notAllowed}</Badge>}</Table.Td>
              {may('platform.plugins:update') && <Table.Td>{granted.includes(name) ? <Button size="compact-sm" variant="subtle" color="red" aria-label={`${words.deny}: ${name}`} onClick={() => void decide(name, false)}>{words.deny}</Button> : <Button size="compact-sm" variant="subtle" aria-label={`${words.grant}: ${name}`} onClick={() => void decide(name, true)}>{words.grant}</Button>}</Table.Td>}
            </Table.Tr>
          ))}
        </Rows>
      </div>
      {guards.length > 0 && <section aria-label={words.guards}><Title order={2} mb="xs">{words.guards}</Title><Group gap="xs">{guards.map((one) => <Code key={one}>{one}</Code>)}</Group></section>}
    </Stack>
  );
}

interface Sample { at: string; time: number; requests: number; errors: number }

const interval = 2000;

function Metrics({ id }: { id: string }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const client = useQueryClient();
  const found = useQuery({ queryKey: ['plugins', 'metrics', id], queryFn: () => get('/api/v1/plugins/{id}/metrics', { path: { id } }), refetchInterval: interval });
  const [samples, setSamples] = useState<Sample[]>([]);
  const [isBusy, setIsBusy] = useState(false);
  useEffect(() => {
    if (!found.data) return;
    const time = found.dataUpdatedAt;
    setSamples((was) => [...was.filter((one) => one.time !== time), { at: new Date(time).toLocaleTimeString(format.locale), time, requests: found.data.requests, errors: found.data.errors }].slice(-60));
  }, [found.data, found.dataUpdatedAt, format.locale]);
  if (found.isLoading) return <Waiting />;
  if (!found.data) return <Fault error={found.error} retry={() => void found.refetch()} />;
  const rows = samples.slice(1).map((one, at) => {
    const before = samples[at] ?? one;
    const seconds = Math.max(0.5, (one.time - before.time) / 1000);
    return { [words.when]: one.at, [words.requests]: Math.max(0, (one.requests - before.requests) / seconds), [words.error]: Math.max(0, (one.errors - before.errors) / seconds) };
  });
  const measure = async (): Promise<void> => {
    if (!(await ask({ title: words.measureMemory, text: words.measureMemoryHint, confirm: words.measureMemory, cancel: words.cancel }))) return;
    setIsBusy(true);
    await get('/api/v1/plugins/{id}/metrics', { path: { id }, query: { memory: true } }).catch((fault: unknown) => tellFault(fault, words));
    await client.invalidateQueries({ queryKey: ['plugins', 'metrics', id] });
    setIsBusy(false);
  };
  const { requests, errors, inFlight, generationsAlive, memory } = found.data;
  return (
    <Stack>
      <Card withBorder><Facts facts={[[words.requests, format.number(requests)], [words.failedState, format.number(errors)], [words.inFlight, format.number(inFlight)], [words.generationsAlive, format.number(generationsAlive)], [words.memory, memory ? `${format.bytes(memory.heldBytes)} · ${format.number(memory.objects)} ${words.objects}` : '–'], [words.measuredAt, memory && format.instant(memory.measuredAt)]]} /></Card>
      <Card withBorder><Suspense fallback={<Waiting lines={3} />}>{rows.length === 0 ? <Text size="sm" c="dimmed">{words.collecting}</Text> : <Chart part={{ type: 'chart', label: words.perSecond, shape: 'area', rows, x: words.when, y: [words.requests, words.error], kind: 'number' }} />}</Suspense></Card>
      <div><Button variant="light" loading={isBusy} onClick={() => void measure()}>{words.measureMemory}</Button></div>
    </Stack>
  );
}

function Logs({ id }: { id: string }): ReactNode {
  const words = useWords();
  const [read, change] = useAddress();
  const level = read('level') || 'information';
  const found = useQuery({ queryKey: ['plugins', 'logs', id, level], queryFn: () => get('/api/v1/plugins/{id}/logs', { path: { id }, query: { level, limit: 500 } }), refetchInterval: 2000 });
  return (
    <Stack gap="sm">
      <Group><Select aria-label={words.level} value={level} onChange={(chosen) => change({ level: chosen === 'information' ? null : chosen })} data={levels} allowDeselect={false} maw={200} /></Group>
      {found.isLoading ? <Waiting /> : found.error ? <Fault error={found.error} retry={() => void found.refetch()} /> : <LogTable lines={found.data ?? []} />}
    </Stack>
  );
}

function Alive({ plugin }: { plugin: PluginDetail }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const [answer, setAnswer] = useState<PluginAlive | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const look = async (): Promise<void> => {
    setIsBusy(true);
    setFault(null);
    await get('/api/v1/plugins/{id}/why-alive', { path: { id: plugin.id } }).then(setAnswer, setFault);
    setIsBusy(false);
  };
  return (
    <Stack>
      <Text size="sm">{words.aliveHint(format.number(plugin.generationsAlive))}</Text>
      <div><Button variant="light" loading={isBusy} onClick={() => void look()}>{words.lookIntoMemory}</Button></div>
      {fault !== null && <Fault error={fault} />}
      {answer?.holds.length === 0 && <Alert color="teal" variant="light" role="status">{words.nothingHolds}</Alert>}
      {answer?.holds.map((hold) => (
        <Card key={`${hold.context} ${hold.path.join()}`} withBorder>
          <Group gap="xs"><Badge variant="light" color="yellow">{hold.cause}</Badge><Text fw={600}>{hold.context}</Text></Group>
          <Text size="sm" mt="xs">{hold.text}</Text>
          <Text size="sm" c="dimmed">{hold.remedy}</Text>
          <Code block className="lines" mt="xs">{hold.path.join('\n→ ')}</Code>
        </Card>
      ))}
    </Stack>
  );
}
