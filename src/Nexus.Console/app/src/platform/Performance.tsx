import { Badge, Code, Group, Progress, SegmentedControl, Stack, Table, Title, UnstyledButton } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { get } from '../api/client';
import type { TimeSpent as Time } from '../api/contract';
import { useFormat } from '../kinds/useFormat';
import { Empty, Fault, PageHead, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Facts, Rows, Side, useAddress } from './Rows';

const sorts = ['p95', 'mean', 'total', 'count'] as const;
type Sort = (typeof sorts)[number];

/** Where the time of this node goes: the slowest routes and queries since it began, and the slow queries with their plans. */
export function Performance(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const [read, change] = useAddress();
  const sort = (sorts as readonly string[]).includes(read('sort')) ? (read('sort') as Sort) : 'p95';
  const found = useQuery({ queryKey: ['performance', sort], queryFn: ({ signal }) => get('/api/v1/performance', { query: { sort }, signal }), refetchInterval: 5000, placeholderData: keepPreviousData });
  if (found.isLoading) return <Waiting />;
  if (found.error) return <Fault error={found.error} retry={() => void found.refetch()} />;
  const view = found.data!;
  const open = view.slowQueries.find((slow) => slow.at === read('open'));
  return (
    <>
      <PageHead title={words.performance} about={words.performanceAbout(format.instant(view.since))}>
        <SegmentedControl aria-label={words.sortBy} size="xs" value={sort} onChange={(chosen) => change({ sort: chosen === 'p95' ? null : chosen })} data={sorts.map((one) => ({ value: one, label: words.timeSorts[one] }))} />
      </PageHead>
      <Stack gap="xl">
        <Times title={words.slowRoutes} sort={sort} rows={view.routes.map((r) => ({ id: `${r.plugin} ${r.route}`, name: <Code>{r.route}</Code>, by: r.plugin, time: r.time, errors: r.errors }))} />
        <Times title={words.slowStatements} sort={sort} rows={view.queries.map((q) => ({ id: `${q.operation} ${q.plugin ?? ''} ${q.table ?? q.statement ?? ''}`, name: <Group gap="xs" wrap="nowrap"><Badge variant="light" color="gray">{q.operation}</Badge><Code className="lines">{q.table ?? q.statement}</Code></Group>, by: q.plugin ?? words.data, time: q.time }))} />
        <div>
          <Title order={2} mb="xs">{words.slowQueries}</Title>
          {view.slowQueries.length === 0 ? <Empty title={words.noSlowQueries} hint={view.slowFrom ? words.slowFrom(format.number(view.slowFrom)) : words.slowOff} /> : (
            <Rows label={words.slowQueries} heads={[words.when, words.plugin, words.statement, 'ms', words.plan]} width={720}>
              {view.slowQueries.map((slow) => (
                <Table.Tr key={slow.at + slow.statement}>
                  <Table.Td className="figures" title={format.instant(slow.at)}>{format.ago(slow.at)}</Table.Td>
                  <Table.Td>{slow.source}</Table.Td>
                  <Table.Td><Code className="lines">{slow.statement}</Code></Table.Td>
                  <Table.Td ta="end" className="figures">{format.number(slow.milliseconds, 1)}</Table.Td>
                  <Table.Td><UnstyledButton aria-label={`${words.plan}: ${slow.source}`} fz="sm" c="var(--mantine-color-anchor)" onClick={() => change({ open: slow.at }, true)}>{words.plan}</UnstyledButton></Table.Td>
                </Table.Tr>
              ))}
            </Rows>
          )}
        </div>
      </Stack>
      <Side title={open ? words.plan : null} onClose={() => change({ open: null }, true)}>
        {open && (
          <Stack>
            <Facts facts={[[words.when, format.instant(open.at)], [words.took, `${format.number(open.milliseconds, 1)} ms`], [words.plugin, open.source]]} />
            <Code block className="lines">{open.statement}</Code>
            <Code block className="lines">{open.plan}</Code>
          </Stack>
        )}
      </Side>
    </>
  );
}

/** Times as a table with a bar by which they are compared at a glance. */
function Times({ title, sort, rows }: { title: string; sort: Sort; rows: { id: string; name: ReactNode; by: string; time: Time; errors?: number }[] }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const most = Math.max(...rows.map((row) => row.time[sort]), 0);
  return (
    <div>
      <Title order={2} mb="xs">{title}</Title>
      {rows.length === 0 ? <Empty title={words.noRecords} /> : (
        <Rows label={title} heads={[words.name, words.plugin, words.timeSorts.count, words.timeSorts.mean, 'p95', 'p99']} width={760}>
          {rows.map((row) => (
            <Table.Tr key={row.id}>
              <Table.Td>{row.name}<Progress value={most ? (100 * row.time[sort]) / most : 0} size={3} mt={6} aria-hidden /></Table.Td>
              <Table.Td>{row.by}</Table.Td>
              <Table.Td className="figures" ta="end">{format.number(row.time.count)}{row.errors ? <Badge ml="xs" color="red" variant="light">{words.errorsOf(format.number(row.errors))}</Badge> : null}</Table.Td>
              {[row.time.mean, row.time.p95, row.time.p99].map((value, index) => <Table.Td key={index} className="figures" ta="end">{format.number(value, 2)}</Table.Td>)}
            </Table.Tr>
          ))}
        </Rows>
      )}
    </div>
  );
}
