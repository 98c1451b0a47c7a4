import { Anchor, Card, Group, Pagination, Progress as Bar, Stack, Table, Text, TextInput, UnstyledButton } from '@mantine/core';
import { ArrowDown, ArrowUp, Search } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { useFormat } from '../kinds/useFormat';
import { Value } from '../kinds/Value';
import { Rows } from '../platform/Rows';
import { Fault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { fieldOf, list, measure, number, pick, shown, text, useItems, usePlace, useSay, useSource, type Bound, type Part } from './part';

interface Column { field: string; label?: unknown; kind?: string; page?: string }

/** What stands where the values are not there yet, or cannot be had. */
export function Missing({ bound, lines = 2 }: { bound: Bound; lines?: number }): ReactNode {
  const words = useWords();
  if (bound.isWaiting) return <Text size="sm" c="dimmed">{words.chooseFirst}</Text>;
  if (bound.isLoading) return <Waiting lines={lines} />;
  return bound.error ? <Fault error={bound.error} retry={bound.retry} /> : null;
}

const isMissing = (bound: Bound): boolean => bound.isWaiting || bound.isLoading || (bound.error !== null && bound.value === undefined);

export function Sentence({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const format = useFormat();
  const bound = useSource(part);
  if (isMissing(bound)) return <Missing bound={bound} lines={1} />;
  const tone = text(part, 'tone');
  return <Text className="lines" c={tone === 'quiet' ? 'dimmed' : undefined} fw={tone === 'strong' ? 600 : undefined}>{part['source'] === undefined ? say(part['text']) : shown(format, text(part, 'kind'), valueOf(part, bound))}</Text>;
}

const valueOf = (part: Part, bound: Bound): unknown => (part['value'] !== undefined ? part['value'] : text(part, 'from') === '$count' ? bound.total : pick(bound.value, text(part, 'from')));

export function Metric({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const format = useFormat();
  const bound = useSource(part);
  const page = text(part, 'page');
  if (isMissing(bound)) return <Missing bound={bound} />;
  return (
    <div>
      <Text size="sm" c="dimmed">{page ? <Anchor component={Link} href={page} inherit c="dimmed">{say(part['label'])}</Anchor> : say(part['label'])}</Text>
      <Text fz={28} fw={650} className="figures" data-metric>{shown(format, text(part, 'kind'), valueOf(part, bound))}</Text>
      {part['hint'] !== undefined && <Text size="xs" c="dimmed">{say(part['hint'])}</Text>}
    </div>
  );
}

export function Progress({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const format = useFormat();
  const bound = useSource(part);
  if (isMissing(bound)) return <Missing bound={bound} lines={1} />;
  const percent = Math.round((100 * measure(valueOf(part, bound))) / (number(part, 'most') ?? 100));
  return (
    <div>
      <Group justify="space-between"><Text size="sm">{say(part['label'])}</Text><Text size="sm" className="figures">{format.number(percent)} %</Text></Group>
      <Bar value={percent} aria-label={say(part['label'])} />
    </div>
  );
}

const readColumns = (part: Part): Column[] => list<Column>(part, 'columns').filter((one) => typeof one.field === 'string');

function Cells({ columns, row }: { columns: Column[]; row: Record<string, unknown> }): ReactNode {
  const format = useFormat();
  const { plugin } = usePlace();
  return columns.map((column) => {
    const value = pick(row, column.field);
    const page = column.page?.replace(/\{([^}]+)\}/g, (_, field: string) => encodeURIComponent(String(pick(row, field) ?? '')));
    return (
      <Table.Td key={column.field}>
        {column.kind === 'percent' ? shown(format, column.kind, value) : page?.startsWith('/') ? <Anchor component={Link} href={page} size="sm">{shown(format, column.kind, value)}</Anchor> : <Value field={fieldOf(column.kind, value)} value={value} owner={plugin} isShort />}
      </Table.Td>
    );
  });
}

export function Figures({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const words = useWords();
  const { rows, ...bound } = useItems(part);
  const columns = readColumns(part);
  if (isMissing(bound)) return <Missing bound={bound} lines={4} />;
  if (rows.length === 0) return <Text size="sm" c="dimmed">{say(part['empty']) || words.noRecords}</Text>;
  return (
    <Rows label={columns.map((c) => say(c.label ?? c.field)).join(', ')} heads={columns.map((c) => say(c.label ?? c.field))} width={Math.min(640, columns.length * 120)} isLandmark={false}>
      {rows.map((row, at) => <Table.Tr key={String(row['id'] ?? at)}><Cells columns={columns} row={row} /></Table.Tr>)}
    </Rows>
  );
}

/** Rows that are sorted, searched and paged in the browser. */
export function Sorted({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const words = useWords();
  const format = useFormat();
  const { rows, ...bound } = useItems(part);
  const [sort, setSort] = useState<{ field: string; isDown: boolean } | null>(null);
  const [search, setSearch] = useState('');
  const [page, setPage] = useState(1);
  if (isMissing(bound)) return <Missing bound={bound} lines={4} />;
  const columns = readColumns(part);
  const size = Math.max(1, number(part, 'size') ?? 10);
  const needle = search.trim().toLowerCase();
  const found = rows.filter((row) => needle === '' || columns.some((c) => shown(format, c.kind, pick(row, c.field)).toLowerCase().includes(needle)));
  const order = (a: Record<string, unknown>, b: Record<string, unknown>): number => {
    const [left, right] = [pick(a, sort?.field), pick(b, sort?.field)];
    const isNumber = typeof left === 'number' || (left !== null && typeof left === 'object');
    return (isNumber ? measure(left) - measure(right) : String(left ?? '').localeCompare(String(right ?? ''), format.locale)) * (sort?.isDown ? -1 : 1);
  };
  const sorted = sort ? [...found].sort(order) : found;
  const pages = Math.max(1, Math.ceil(sorted.length / size));
  const at = Math.min(page, pages);
  const head = (column: Column): ReactNode => (
    <UnstyledButton className="sort" fz="sm" onClick={() => setSort(sort?.field !== column.field ? { field: column.field, isDown: false } : sort.isDown ? null : { ...sort, isDown: true })}>
      {say(column.label ?? column.field)}{sort?.field === column.field && (sort.isDown ? <ArrowDown size={14} aria-hidden /> : <ArrowUp size={14} aria-hidden />)}
    </UnstyledButton>
  );
  return (
    <Stack gap="sm">
      <TextInput type="search" maw={320} aria-label={words.search} placeholder={words.search} leftSection={<Search size={16} aria-hidden />} value={search} onChange={(e) => { setSearch(e.currentTarget.value); setPage(1); }} />
      {sorted.length === 0 ? <Text size="sm" c="dimmed">{rows.length === 0 ? say(part['empty']) || words.noRecords : words.noMatches}</Text> : (
        <Rows label={columns.map((c) => say(c.label ?? c.field)).join(', ')} heads={columns.map(head)} width={Math.min(640, columns.length * 120)} isLandmark={false}>
          {sorted.slice((at - 1) * size, at * size).map((row, index) => <Table.Tr key={String(row['id'] ?? index)}><Cells columns={columns} row={row} /></Table.Tr>)}
        </Rows>
      )}
      {pages > 1 && <Pagination total={pages} value={at} onChange={setPage} size="sm" getItemProps={(one) => ({ 'aria-label': words.pageOf(one) })} getControlProps={(control) => ({ 'aria-label': control === 'previous' || control === 'first' ? words.back : words.more })} />}
    </Stack>
  );
}

/** A part in a card, as widgets are. */
export function Panel({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return <Card withBorder h="100%" component="section" aria-label={title}><Text fw={600} mb="xs">{title}</Text>{children}</Card>;
}
