import { Alert, Badge, Button, Card, Group, Progress, Select, SimpleGrid, Stack, Table, Tabs, Text, Title, UnstyledButton } from '@mantine/core';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Ban, RotateCcw } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { get, post } from '../api/client';
import type { TaskView as Task } from '../api/contract';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { ask } from '../resources/ask';
import { Empty, Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Facts, Json, Rows, Side, useAddress } from './Rows';

const states = ['PENDING', 'STARTED', 'SUCCESS', 'FAILURE', 'CANCELLED'] as const;

const isOver = (task: Task): boolean => task.state !== 'PENDING' && task.state !== 'STARTED';

/** Work in the background: what waits, what runs and how far it is, what came of it, what is due when, and who does it. */
export function Tasks(): ReactNode {
  const words = useWords();
  const [read, change] = useAddress();
  return (
    <>
      <PageHead title={words.tasks} about={words.tasksAbout} />
      <Tabs value={read('tab') || 'tasks'} onChange={(tab) => change({ tab: tab === 'tasks' ? null : tab }, true)} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="tasks">{words.tasks}</Tabs.Tab>
          <Tabs.Tab value="schedules">{words.schedules}</Tabs.Tab>
          <Tabs.Tab value="workers">{words.workers}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="tasks"><List /></Tabs.Panel>
        <Tabs.Panel value="schedules"><Schedules /></Tabs.Panel>
        <Tabs.Panel value="workers"><Workers /></Tabs.Panel>
      </Tabs>
      <Side title={read('open') ? words.taskTitle : null} onClose={() => change({ open: null }, true)}><Detail id={read('open')} /></Side>
    </>
  );
}

function State({ task }: { task: Task }): ReactNode {
  const words = useWords();
  return <Badge variant="light" color={colourOf(task.state)}>{task.cancelRequested && !isOver(task) ? words.cancelling : words.taskStates[task.state]}</Badge>;
}

function List(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const [read, change] = useAddress();
  const [limit, setLimit] = useState(100);
  const state = read('state');
  const tasks = useQuery({ queryKey: ['tasks', 'list', state, limit], queryFn: ({ signal }) => get('/api/v1/tasks', { query: { state, limit }, signal }), refetchInterval: 2000, placeholderData: keepPreviousData });
  const rows = tasks.data ?? [];
  return (
    <Stack gap="sm">
      <Group><Select aria-label={words.state} placeholder={words.all} clearable maw={240} value={state || null} onChange={(chosen) => change({ state: chosen })} data={states.map((one) => ({ value: one, label: words.taskStates[one] }))} clearButtonProps={{ 'aria-label': words.clear }} /></Group>
      {tasks.isLoading ? <Waiting /> : tasks.error ? <Fault error={tasks.error} retry={() => void tasks.refetch()} /> : rows.length === 0 ? <Empty title={state ? words.noMatches : words.noRecords} hint={state ? words.noMatchesHint : words.noTasksHint} /> : (
        <>
          <Rows label={words.tasks} heads={[words.name, words.state, words.progress, words.createdAt, words.by]} width={760}>
            {rows.map((t) => (
              <Table.Tr key={t.id}>
                <Table.Td><UnstyledButton fz="sm" fw={600} c="var(--mantine-color-anchor)" onClick={() => change({ open: t.id }, true)}>{t.task}</UnstyledButton>{t.error && <Text size="xs" c="var(--mantine-color-error)" lineClamp={1} maw={420}>{t.error}</Text>}</Table.Td>
                <Table.Td><State task={t} /></Table.Td>
                <Table.Td><Far task={t} /></Table.Td>
                <Table.Td title={format.instant(t.createdAt)} className="figures">{format.ago(t.createdAt)}</Table.Td>
                <Table.Td>{t.schedule ? words.schedule : t.createdBy}</Table.Td>
              </Table.Tr>
            ))}
          </Rows>
          {rows.length === limit && limit < 1000 && <Group justify="center"><Button variant="light" onClick={() => setLimit(1000)}>{words.more}</Button></Group>}
        </>
      )}
    </Stack>
  );
}

/** How far a task is. */
function Far({ task }: { task: Task }): ReactNode {
  const words = useWords();
  const format = useFormat();
  if (task.percent === undefined) return null;
  return (
    <Group gap="xs" wrap="nowrap" maw={280}>
      <Progress value={task.percent} className="grow" color={colourOf(task.state)} animated={task.state === 'STARTED'} aria-label={`${words.progress}: ${task.task}`} />
      <Text size="sm" className="figures">{format.number(Math.round(task.percent))} %</Text>
    </Group>
  );
}

function Detail({ id }: { id: string }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const client = useQueryClient();
  const may = useMay();
  const found = useQuery({ queryKey: ['tasks', 'one', id], queryFn: () => get('/api/v1/tasks/{id}', { path: { id } }), refetchInterval: (now) => (now.state.data && isOver(now.state.data) ? false : 1000) });
  const task = found.data;
  const logs = useQuery({ queryKey: ['tasks', 'logs', id, task?.state], queryFn: () => get('/api/v1/tasks/{id}/logs', { path: { id } }), enabled: task !== undefined, placeholderData: keepPreviousData, refetchInterval: task && isOver(task) ? false : 1000 });
  if (found.isLoading) return <Waiting />;
  if (!task) return <Fault error={found.error} retry={() => void found.refetch()} />;
  const run = async (path: 'cancel' | 'retry', title: string, isDangerous: boolean): Promise<void> => {
    if (!(await ask({ title: `${title}: ${task.task}`, confirm: title, cancel: words.back, isDangerous }))) return;
    try {
      await post(`/api/v1/tasks/{id}/${path}`, { path: { id } });
      tellDone(`${title}: ${words.done}`);
    } catch (fault) {
      tellFault(fault, words);
    }
    await client.invalidateQueries({ queryKey: ['tasks'] });
  };
  const seconds = task.startedAt && task.finishedAt ? (Date.parse(task.finishedAt) - Date.parse(task.startedAt)) / 1000 : null;
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Group gap="xs"><Text fw={650}>{task.task}</Text><State task={task} /></Group>
        {may('platform.tasks:update') && (isOver(task)
          ? task.state !== 'SUCCESS' && <Button size="compact-sm" variant="light" leftSection={<RotateCcw size={14} aria-hidden />} onClick={() => void run('retry', words.taskRetry, false)}>{words.taskRetry}</Button>
          : <Button size="compact-sm" variant="light" color="red" leftSection={<Ban size={14} aria-hidden />} disabled={task.cancelRequested} onClick={() => void run('cancel', words.taskCancel, true)}>{words.taskCancel}</Button>)}
      </Group>
      {!isOver(task) && <div><Far task={task} />{task.step && <Text size="sm" c="dimmed">{task.step}</Text>}</div>}
      {task.error && <Alert color="red" variant="light" title={words.error}><Text size="sm" className="lines">{task.error}</Text></Alert>}
      <Facts facts={[[words.createdAt, format.instant(task.createdAt)], [words.by, task.createdBy], [words.due, format.instant(task.dueAt)], [words.started, task.startedAt && format.instant(task.startedAt)], [words.took, seconds === null ? null : `${format.number(seconds, 3)} s`], [words.attempt, format.number(task.attempt)], [words.worker, task.worker], [words.schedule, task.schedule], [words.correlation, task.correlationId], [words.id, task.id]]} />
      {task.input !== undefined && task.input !== null && <section aria-label={words.input}><Title order={3} mb="xs">{words.input}</Title><Json value={task.input} /></section>}
      {task.state === 'SUCCESS' && <section aria-label={words.result}><Title order={3} mb="xs">{words.result}</Title><Json value={task.result} /></section>}
      <section aria-label={words.log}>
        <Title order={3} mb="xs">{words.log}</Title>
        {(logs.data ?? []).length === 0 ? <Text size="sm" c="dimmed">{words.noLines}</Text> : (
          <Stack gap={4}>{logs.data?.map((line) => <Text key={line.position} size="sm" className="lines" c={line.kind === 'error' ? 'var(--mantine-color-error)' : undefined}><Text span size="sm" c="dimmed" className="figures">{format.instant(line.at)}</Text> {line.text}</Text>)}</Stack>
        )}
      </section>
    </Stack>
  );
}

function Schedules(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const found = useQuery({ queryKey: ['tasks', 'schedules'], queryFn: () => get('/api/v1/tasks/schedules'), refetchInterval: 10_000 });
  if (found.isLoading) return <Waiting />;
  if (found.error) return <Fault error={found.error} retry={() => void found.refetch()} />;
  if (found.data?.length === 0) return <Empty title={words.noSchedules} hint={words.noSchedulesHint} />;
  return (
    <Rows label={words.schedules} heads={[words.task, words.expression, words.lastTime, words.nextTime]}>
      {found.data?.map((s) => (
        <Table.Tr key={s.name}>
          <Table.Td fw={600}>{s.task}</Table.Td>
          <Table.Td className="figures">{s.expression} <Text span size="xs" c="dimmed">{s.timeZone}</Text></Table.Td>
          <Table.Td className="figures">{s.lastFireAt ? format.instant(s.lastFireAt) : '–'}</Table.Td>
          <Table.Td className="figures" title={s.nextFireAt && format.instant(s.nextFireAt)}>{s.nextFireAt ? format.ago(s.nextFireAt) : '–'}</Table.Td>
        </Table.Tr>
      ))}
    </Rows>
  );
}

function Workers(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const workers = useQuery({ queryKey: ['tasks', 'workers'], queryFn: () => get('/api/v1/workers'), refetchInterval: 3000 });
  const queues = useQuery({ queryKey: ['tasks', 'queues'], queryFn: () => get('/api/v1/tasks/stats'), refetchInterval: 3000 });
  if (workers.isLoading || queues.isLoading) return <Waiting />;
  const error = workers.error ?? queues.error;
  if (error) return <Fault error={error} retry={() => { void workers.refetch(); void queues.refetch(); }} />;
  return (
    <Stack gap="lg">
      {workers.data?.length === 0 ? <Empty title={words.noWorkers} hint={words.noWorkersHint} /> : (
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          {workers.data?.map((w) => (
            <Card key={w.name} withBorder>
              <Group justify="space-between" mb="xs"><Text fw={600}>{w.name}</Text><Text size="sm" c="dimmed" title={format.instant(w.seenAt)}>{format.ago(w.seenAt)}</Text></Group>
              <Progress value={(100 * w.running) / Math.max(1, w.concurrency)} mb="xs" aria-label={`${words.running}: ${w.name}`} />
              {([[words.running, `${format.number(w.running)} / ${format.number(w.concurrency)}`], [words.succeeded, format.number(w.succeeded)], [words.failedState, format.number(w.failed)], [words.perMinute, format.number(w.perMinute)]] as const).map(([label, value]) => <Group key={label} justify="space-between"><Text size="sm" c="dimmed">{label}</Text><Text size="sm" className="figures">{value}</Text></Group>)}
            </Card>
          ))}
        </SimpleGrid>
      )}
      <div>
        <Title order={2} mb="xs">{words.queues}</Title>
        {queues.data?.length === 0 ? <Empty title={words.noRecords} hint={words.noTasksHint} /> : (
          <Rows label={words.queues} heads={[words.task, ...states.map((state) => words.taskStates[state]), words.oldest]} width={800}>
            {queues.data?.map((q) => (
              <Table.Tr key={q.task}>
                <Table.Td fw={600}>{q.task}</Table.Td>
                {states.map((state) => <Table.Td key={state} className="figures">{format.number(q[state] ?? 0)}</Table.Td>)}
                <Table.Td className="figures">{q.oldestDueAt ? format.ago(q.oldestDueAt) : '–'}</Table.Td>
              </Table.Tr>
            ))}
          </Rows>
        )}
      </div>
    </Stack>
  );
}
