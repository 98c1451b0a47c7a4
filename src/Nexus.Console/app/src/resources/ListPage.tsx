import { ActionIcon, Button, Checkbox, Group, Menu, Popover, Stack, Text, TextInput, Tooltip, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { useDebouncedCallback, useLocalStorage } from '@mantine/hooks';
import { keepPreviousData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp, Columns3, Download, Plus, RotateCw, Search, Trash2 } from 'lucide-react';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useLocation, useSearch } from 'wouter';
import { labelOf, spoken, titleOf, useResource, type Field, type Resource, type Row } from '../api/catalogue';
import { send } from '../api/http';
import { useRecordChanges } from '../api/live';
import { useFormat } from '../kinds/useFormat';
import { Value } from '../kinds/Value';
import { Boundary, Empty, Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { ask } from './ask';
import { exportCsv } from './export';
import { Filters } from './Filters';
import { defaultColumns, isSortable, readableFields, readState, systemFields, writeState, type ListState } from './query';

/** What a change of several records answers. */
interface Batch { succeeded: number; failed: number; results: { status: number; id?: string; error?: { detail?: string } }[] }

const pageSize = 100;
const rowHeight = 41;

/** The list of a resource, drawn from its description alone. */
export function ListPage({ name }: { name: string }): ReactNode {
  const words = useWords();
  const { resource, isLoading, error } = useResource(name);
  if (isLoading) return <Waiting />;
  if (error) return <Fault error={error} />;
  if (!resource) return <Empty isPage title={words.notFound} hint={words.notFoundHint} />;
  return <List resource={resource} />;
}

function List({ resource }: { resource: Resource }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const client = useQueryClient();
  const [location, go] = useLocation();
  const search = useSearch();
  const state = useMemo(() => readState(search), [search]);
  const change = (next: Partial<ListState>): void => go(`${location}?${writeState({ ...state, ...next })}`, { replace: true });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [columns, setColumns] = useLocalStorage<string[]>({ key: `nexus.columns.${resource.name}`, defaultValue: defaultColumns(resource), getInitialValueInEffect: false });
  const [text, setText] = useState(state.q);
  const searchSoon = useDebouncedCallback((q: string) => change({ q }), 200);
  useRecordChanges(resource.name);

  const query = writeState(state);
  const list = useInfiniteQuery({
    queryKey: ['records', resource.name, 'list', query],
    queryFn: ({ pageParam, signal }) => send<Row[]>('GET', `${resource.path}?${query}&limit=${pageSize}${pageParam ? `&cursor=${encodeURIComponent(pageParam)}` : '&count=true'}`, { signal }),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
  });
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.value) ?? [], [list.data]);
  const total = list.data?.pages[0]?.total ?? null;
  const fields = readableFields(resource);
  const shown = columns.map((column) => fields.find((f) => f.name === column)).filter((f): f is Field => f !== undefined);
  const isFiltered = state.q !== '' || state.conditions.length > 0;

  const removeSelected = async (): Promise<void> => {
    if (!(await ask({ title: words.deleteQuestion(selected.size === 1 ? resource.singular : words.records(selected.size, format.number(selected.size))), text: words.deleteExplained, confirm: words.delete, cancel: words.cancel, isDangerous: true }))) return;
    try {
      const answer = await send<Batch>('DELETE', `${resource.path}/batch`, { body: [...selected] });
      const refused = answer.value.results.filter((r) => r.status >= 400);
      if (answer.value.succeeded > 0) tellDone(words.deleted(answer.value.succeeded));
      if (refused[0]) tellFault(new Error(`${words.selected(refused.length)}: ${refused[0].error?.detail ?? ''}`), words);
      setSelected(new Set(refused.flatMap((r) => (r.id ? [r.id] : []))));
    } catch (fault) {
      tellFault(fault, words);
    }
    await client.invalidateQueries({ queryKey: ['records', resource.name] });
  };

  return (
    <>
      <PageHead title={titleOf(resource)} about={resource.description ?? (total === null ? null : words.records(total, format.number(total)))}>
        {'create' in resource.allowed && <Button leftSection={<Plus size={16} />} onClick={() => go(`/r/${resource.name}/new`)}>{words.createOne(spoken(resource.singular))}</Button>}
      </PageHead>
      <Stack gap="sm">
        <Group gap="xs">
          {resource.search.length > 0 && (
            <TextInput className="grow" maw={360} type="search" aria-label={words.search} placeholder={words.search} leftSection={<Search size={16} />} value={text}
              onChange={(e) => { setText(e.currentTarget.value); searchSoon(e.currentTarget.value); }} />
          )}
          <Filters fields={fields} conditions={state.conditions} onChange={(conditions) => change({ conditions })} />
          <Group gap={4} ml="auto">
            <ColumnChoice fields={fields} columns={columns} setColumns={setColumns} />
            <Menu position="bottom-end">
              <Menu.Target><Tooltip label={words.export}><ActionIcon variant="default" size="lg" aria-label={words.export}><Download size={18} /></ActionIcon></Tooltip></Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => void exportCsv(resource, shown, query).catch((fault: unknown) => tellFault(fault, words))}>CSV</Menu.Item>
                <Menu.Item component="a" href={`${resource.path}?${query}&limit=1000`} target="_blank">JSON</Menu.Item>
              </Menu.Dropdown>
            </Menu>
            <Tooltip label={words.refresh}><ActionIcon variant="default" size="lg" aria-label={words.refresh} loading={list.isRefetching} onClick={() => void list.refetch()}><RotateCw size={18} /></ActionIcon></Tooltip>
          </Group>
        </Group>
        {selected.size > 0 && (
          <Group gap="xs" role="toolbar" aria-label={words.actions}>
            <Text size="sm" fw={600}>{words.selected(selected.size)}</Text>
            {'delete' in resource.allowed && <Button size="xs" color="red" variant="light" leftSection={<Trash2 size={14} />} onClick={() => void removeSelected()}>{words.delete}</Button>}
            <Button size="xs" variant="subtle" color="gray" onClick={() => setSelected(new Set())}>{words.clear}</Button>
          </Group>
        )}
        {list.isLoading ? <Waiting lines={8} /> : list.error && rows.length === 0 ? <Fault error={list.error} retry={() => void list.refetch()} /> : rows.length === 0 ? (
          <Empty title={isFiltered ? words.noMatches : words.noRecords} hint={isFiltered ? words.noMatchesHint : words.noRecordsHint}>
            {isFiltered ? <Button variant="light" onClick={() => { setText(''); change({ q: '', conditions: [] }); }}>{words.clear}</Button> : null}
          </Empty>
        ) : (
          <Boundary>
            <Rows resource={resource} rows={rows} fields={shown} sort={state.sort} onSort={(sort) => change({ sort })} selected={selected} onSelect={setSelected}
              onEnd={() => { if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage(); }} />
          </Boundary>
        )}
      </Stack>
    </>
  );
}

interface RowsProps { resource: Resource; rows: Row[]; fields: Field[]; sort: string; onSort: (sort: string) => void; selected: ReadonlySet<string>; onSelect: (selected: ReadonlySet<string>) => void; onEnd: () => void }

/** Only the rows that can be seen are in the page, whatever their number. */
function Rows({ resource, rows, fields, sort, onSort, selected, onSelect, onEnd }: RowsProps): ReactNode {
  const words = useWords();
  const [, go] = useLocation();
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => rowHeight, overscan: 12 });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => { if (last >= rows.length - 20) onEnd(); }, [last, rows.length, onEnd]);
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  const toggle = (id: string): void => onSelect(new Set(selected.has(id) ? [...selected].filter((one) => one !== id) : [...selected, id]));
  const open = (row: Row): void => go(`/r/${resource.name}/${row.id}`);
  const step = (event: KeyboardEvent<HTMLTableRowElement>, index: number, row: Row): void => {
    if (event.target !== event.currentTarget) return;
    if (event.key === 'Enter') open(row);
    else if (event.key === ' ') toggle(row.id);
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const to = Math.min(rows.length - 1, Math.max(0, index + (event.key === 'ArrowDown' ? 1 : -1)));
      virtual.scrollToIndex(to);
      requestAnimationFrame(() => box.current?.querySelector<HTMLTableRowElement>(`tr[data-index="${to}"]`)?.focus());
    } else return;
    event.preventDefault();
  };
  const isAll = rows.length > 0 && rows.every((row) => selected.has(row.id));
  return (
    <div className="rows" ref={box} style={{ maxHeight: 'calc(100dvh - 230px)', minHeight: 200 }} tabIndex={-1}>
      <table aria-rowcount={rows.length}>
        <thead>
          <tr style={{ height: rowHeight }}>
            <th style={{ width: 44, paddingInline: 12 }}><Checkbox aria-label={words.all} checked={isAll} indeterminate={!isAll && selected.size > 0} onChange={() => onSelect(new Set(isAll ? [] : rows.map((row) => row.id)))} /></th>
            {fields.map((field) => <Head key={field.name} field={field} sort={sort} onSort={onSort} />)}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <tr aria-hidden style={{ height: above }} />}
          {items.map(({ index }) => {
            const row = rows[index];
            return row && (
              <tr key={row.id} data-index={index} tabIndex={0} aria-selected={selected.has(row.id)} style={{ height: rowHeight }} onClick={() => open(row)} onKeyDown={(event) => step(event, index, row)}>
                <td style={{ paddingInline: 12 }} onClick={(event) => event.stopPropagation()}><Checkbox aria-label={`${words.selected(1)}: ${row.id.slice(-8)}`} checked={selected.has(row.id)} onChange={() => toggle(row.id)} tabIndex={-1} /></td>
                {fields.map((field) => <td key={field.name} style={{ paddingInline: 12 }}><Value field={field} value={row[field.name]} owner={resource.plugin} isShort /></td>)}
              </tr>
            );
          })}
          {below > 0 && <tr aria-hidden style={{ height: below }} />}
        </tbody>
      </table>
    </div>
  );
}

function Head({ field, sort, onSort }: { field: Field; sort: string; onSort: (sort: string) => void }): ReactNode {
  const words = useWords();
  const direction = sort === field.name ? 'ascending' : sort === `-${field.name}` ? 'descending' : undefined;
  const label = systemFields.includes(field) ? words[field.name as 'createdAt' | 'updatedAt' | 'owner'] : labelOf(field);
  return (
    <th scope="col" aria-sort={direction} style={{ paddingInline: 12 }}>
      {isSortable(field) ? (
        <UnstyledButton className="sort" fz="sm" onClick={() => onSort(direction === 'ascending' ? `-${field.name}` : direction === 'descending' ? '' : field.name)}>
          {label}{direction === 'ascending' ? <ArrowUp size={14} aria-hidden /> : direction === 'descending' ? <ArrowDown size={14} aria-hidden /> : null}
        </UnstyledButton>
      ) : <Text span size="sm" fw={600}>{label}</Text>}
    </th>
  );
}

function ColumnChoice({ fields, columns, setColumns }: { fields: Field[]; columns: string[]; setColumns: (columns: string[]) => void }): ReactNode {
  const words = useWords();
  return (
    <Popover position="bottom-end" withArrow trapFocus>
      <Popover.Target><Tooltip label={words.columns}><ActionIcon variant="default" size="lg" aria-label={words.columns}><Columns3 size={18} /></ActionIcon></Tooltip></Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <VisuallyHidden>{words.columns}</VisuallyHidden>
          {fields.map((field) => (
            <Checkbox key={field.name} label={systemFields.includes(field) ? words[field.name as 'createdAt'] : labelOf(field)} checked={columns.includes(field.name)}
              onChange={(e) => setColumns(e.currentTarget.checked ? fields.map((f) => f.name).filter((n) => columns.includes(n) || n === field.name) : columns.filter((n) => n !== field.name))} />
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
