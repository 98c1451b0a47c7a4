import { Badge, Button, Card, Group, SimpleGrid, Stack, Switch, Table, Tabs, Text, TextInput, Title, UnstyledButton } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Filter, RotateCcw } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { spoken } from '../api/catalogue';
import { get, post } from '../api/client';
import type { EventCounts, EventView } from '../api/contract';
import { useEvents } from '../api/live';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { ask } from '../resources/ask';
import { Empty, Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Facts, Json, Rows, Side, useAddress } from './Rows';


/** What happens on the platform: the stream itself, who listens, what could not be delivered, and how much there was. */
export function Events(): ReactNode {
  const words = useWords();
  const [read, change] = useAddress();
  const dead = useQuery({ queryKey: ['events', 'dead'], queryFn: () => get('/api/v1/events/dead-letters'), refetchInterval: 5000 });
  return (
    <>
      <PageHead title={words.events} about={words.eventsAbout} />
      <Tabs value={read('tab') || 'stream'} onChange={(tab) => change({ tab: tab === 'stream' ? null : tab }, true)} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="stream">{words.stream}</Tabs.Tab>
          <Tabs.Tab value="subscribers">{words.subscribers}</Tabs.Tab>
          <Tabs.Tab value="dead" rightSection={dead.data && dead.data.length > 0 ? <Badge color="red" size="sm">{dead.data.length}</Badge> : undefined}>{words.deadLetters}</Tabs.Tab>
          <Tabs.Tab value="stats">{words.statistics}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="stream"><Stream /></Tabs.Panel>
        <Tabs.Panel value="subscribers"><Subscribers /></Tabs.Panel>
        <Tabs.Panel value="dead">{dead.isLoading ? <Waiting /> : dead.error ? <Fault error={dead.error} retry={() => void dead.refetch()} /> : <DeadLetters letters={dead.data ?? []} />}</Tabs.Panel>
        <Tabs.Panel value="stats"><Statistics /></Tabs.Panel>
      </Tabs>
      <Side title={read('open') ? words.eventTitle : null} onClose={() => change({ open: null }, true)}><Detail id={read('open')} /></Side>
    </>
  );
}

function Stream(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const [read, change] = useAddress();
  const pattern = read('pattern');
  const [typed, setTyped] = useState(pattern);
  const [limit, setLimit] = useState(100);
  const [isLive, setIsLive] = useState(true);
  const look = useDebouncedCallback((text: string) => change({ pattern: text.trim() || null }), 300);
  const events = useQuery({ queryKey: ['events', 'list', pattern, limit], queryFn: ({ signal }) => get('/api/v1/events', { query: { newest: true, limit, pattern }, signal }), placeholderData: keepPreviousData });

  useEvents(isLive);

  const rows = events.data ?? [];
  return (
    <Stack gap="sm">
      <Group gap="sm" justify="space-between">
        <TextInput className="grow" maw={420} aria-label={words.eventName} placeholder="orders.* · *.failed" leftSection={<Filter size={16} aria-hidden />} value={typed} onChange={(e) => { setTyped(e.currentTarget.value); look(e.currentTarget.value); }} />
        <Switch label={words.live} checked={isLive} onChange={(e) => setIsLive(e.currentTarget.checked)} />
      </Group>
      {events.isLoading ? <Waiting /> : events.error ? <Fault error={events.error} retry={() => void events.refetch()} /> : rows.length === 0 ? <Empty title={pattern ? words.noMatches : words.noRecords} hint={pattern ? words.noMatchesHint : words.noEventsHint} /> : (
        <>
          <Rows label={words.stream} heads={[words.name, words.when, words.publisher, words.data]} width={760}>
            {rows.map((e) => (
              <Table.Tr key={e.id}>
                <Table.Td><UnstyledButton fz="sm" fw={600} c="var(--mantine-color-anchor)" onClick={() => change({ open: e.id }, true)}>{e.name}</UnstyledButton></Table.Td>
                <Table.Td title={format.instant(e.occurredAt)} className="figures">{format.ago(e.occurredAt)}</Table.Td>
                <Table.Td>{e.publisher}</Table.Td>
                <Table.Td><Text size="sm" c="dimmed" lineClamp={1} maw={480}>{e.encrypted ? words.sealed : JSON.stringify(e.data)}</Text></Table.Td>
              </Table.Tr>
            ))}
          </Rows>
          {rows.length === limit && limit < 1000 && <Group justify="center"><Button variant="light" loading={events.isPlaceholderData} onClick={() => setLimit(1000)}>{words.more}</Button></Group>}
        </>
      )}
    </Stack>
  );
}

function Detail({ id }: { id: string }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const found = useQuery({ queryKey: ['events', 'one', id], queryFn: () => get('/api/v1/events/{id}', { path: { id } }), refetchInterval: 5000 });
  if (found.isLoading) return <Waiting />;
  if (found.error || !found.data) return <Fault error={found.error} retry={() => void found.refetch()} />;
  const event = found.data;
  return (
    <Stack gap="lg">
      <Facts facts={[[words.name, event.name], [words.when, format.instant(event.occurredAt)], [words.publisher, event.publisher], [words.eventKey, event.key], [words.position, event.sequence === undefined ? null : format.number(event.sequence)], [words.correlation, event.correlationId], [words.id, event.id]]} />
      <section aria-label={words.data}>
        <Title order={3} mb="xs">{words.data}</Title>
        {event.encrypted ? <Text c="dimmed">{words.sealed}</Text> : <Json value={event.data} />}
      </section>
      {event.headers && <section aria-label={words.headers}><Title order={3} mb="xs">{words.headers}</Title><Json value={event.headers} /></section>}
      <section aria-label={words.deliveries}>
        <Title order={3} mb="xs">{words.deliveries}</Title>
        {(event.deliveries ?? []).length === 0 ? <Text c="dimmed" size="sm">{words.noListeners}</Text> : (event.deliveries ?? []).map((d) => (
          <Card withBorder key={d.group} padding="sm" mb="xs">
            <Group justify="space-between"><Text fw={600}>{d.group}</Text><Badge variant="light" color={colourOf(d.state)}>{d.state}</Badge></Group>
            <Text size="sm" c="dimmed">{words.attempt} {format.number(d.attempt)}</Text>
            {d.lastError && <Text size="sm" c="var(--mantine-color-error)" className="lines">{d.lastError}</Text>}
            {d.state === 'Dead' && <Group mt="xs"><Replay event={event} group={d.group} /></Group>}
          </Card>
        ))}
      </section>
    </Stack>
  );
}

/** Makes what failed for good due again, after a question: the handlers run anew. */
function Replay({ event, group, count }: { event?: EventView; group?: string; count?: number }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const may = useMay();
  if (!may('platform.events:update')) return null;
  const title = event ? words.replay : words.replayAll;
  const run = async (): Promise<void> => {
    if (!(await ask({ title: event ? `${words.replay}: ${event.name}` : words.replayAllQuestion(count ?? 0), text: words.replayExplained, confirm: title, cancel: words.cancel }))) return;
    try {
      const answer = await post('/api/v1/events/dead-letters/replay', { query: { event: event?.id ?? '', group: group ?? '' } });
      tellDone(words.replayed(answer.replayed));
    } catch (fault) {
      tellFault(fault, words);
    }
    await client.invalidateQueries({ queryKey: ['events'] });
  };
  return <Button size="compact-sm" variant="light" leftSection={<RotateCcw size={14} aria-hidden />} aria-label={event ? `${title}: ${event.name} ${group ?? ''}` : title} onClick={() => void run()}>{title}</Button>;
}

function DeadLetters({ letters }: { letters: EventView[] }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const [, change] = useAddress();
  if (letters.length === 0) return <Empty title={words.noDeadLetters} hint={words.noDeadLettersHint} />;
  return (
    <Stack gap="sm">
      <Group justify="flex-end"><Replay count={letters.length} /></Group>
      <Rows label={words.deadLetters} heads={[words.name, words.group, words.when, words.attempt, words.error, words.actions]} width={880}>
        {letters.map((letter) => letter.deliveries?.map((d) => (
          <Table.Tr key={`${letter.id} ${d.group}`}>
            <Table.Td><UnstyledButton fz="sm" fw={600} c="var(--mantine-color-anchor)" onClick={() => change({ open: letter.id }, true)}>{letter.name}</UnstyledButton></Table.Td>
            <Table.Td>{d.group}</Table.Td>
            <Table.Td title={format.instant(letter.occurredAt)} className="figures">{format.ago(letter.occurredAt)}</Table.Td>
            <Table.Td className="figures">{format.number(d.attempt)}</Table.Td>
            <Table.Td><Text size="sm" c="var(--mantine-color-error)" lineClamp={2} maw={420} title={d.lastError ?? undefined}>{d.lastError}</Text></Table.Td>
            <Table.Td><Replay event={letter} group={d.group} /></Table.Td>
          </Table.Tr>
        )))}
      </Rows>
    </Stack>
  );
}

function Subscribers(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const found = useQuery({ queryKey: ['events', 'subscribers'], queryFn: () => get('/api/v1/events/subscribers'), refetchInterval: 5000 });
  if (found.isLoading) return <Waiting />;
  if (found.error) return <Fault error={found.error} retry={() => void found.refetch()} />;
  if (found.data?.length === 0) return <Empty title={words.noListeners} />;
  return (
    <Rows label={words.subscribers} heads={[words.group, words.eventName, words.plugin, words.waiting, words.dropped]} width={760}>
      {found.data?.map((s) => (
        <Table.Tr key={`${s.group} ${s.pattern}`}>
          <Table.Td>{s.group}{!s.durable && <Badge ml="xs" variant="light" color="gray">{words.transient}</Badge>}</Table.Td>
          <Table.Td>{s.pattern}</Table.Td>
          <Table.Td>{s.plugin}</Table.Td>
          <Table.Td className="figures">{format.number(s.waiting)}</Table.Td>
          <Table.Td className="figures">{format.number(s.dropped)}</Table.Td>
        </Table.Tr>
      ))}
    </Rows>
  );
}

function Statistics(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const stats = useQuery({ queryKey: ['events', 'stats'], queryFn: () => get('/api/v1/events/stats'), refetchInterval: 2000 });
  if (stats.isLoading) return <Waiting />;
  if (stats.error || !stats.data) return <Fault error={stats.error} retry={() => void stats.refetch()} />;
  const columns = Object.keys(stats.data.total) as (keyof EventCounts)[];
  return (
    <Stack gap="lg">
      <Text size="sm" c="dimmed">{words.since} {format.instant(stats.data.since)}</Text>
      <SimpleGrid cols={{ base: 2, sm: 4 }}>
        {columns.map((name) => <Card key={name} withBorder padding="sm"><Text size="sm" c="dimmed">{countWord(words, name)}</Text><Text fz="xl" fw={650} className="figures">{format.number(stats.data.total[name] ?? 0)}</Text></Card>)}
      </SimpleGrid>
      <Rows label={words.statistics} heads={[words.name, ...columns.map((name) => countWord(words, name))]} width={900}>
        {Object.entries(stats.data.byName).map(([name, counts]) => (
          <Table.Tr key={name}><Table.Td>{name}</Table.Td>{columns.map((column) => <Table.Td key={column} className="figures">{format.number(counts[column] ?? 0)}</Table.Td>)}</Table.Tr>
        ))}
      </Rows>
    </Stack>
  );
}

const countWord = (words: ReturnType<typeof useWords>, name: string): string => words.eventCounts[name] ?? spoken(name);
