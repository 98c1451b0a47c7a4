import { ActionIcon, Button, Checkbox, Group, Menu, Popover, Stack, Text, TextInput, Tooltip, VisuallyHidden } from '@mantine/core';
import { useDebouncedCallback, useLocalStorage } from '@mantine/hooks';
import { Columns3, Download, Plus, RotateCw, Search } from 'lucide-react';
import { lazy, Suspense, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useLocation, useSearch } from 'wouter';
import { labelOf, spoken, titleOf, useResource, type Field, type Resource } from '../api/catalogue';
import { useRecordChanges } from '../api/live';
import { useFormat } from '../kinds/useFormat';
import { Boundary, Empty, Fault, PageHead, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { exportAs } from './export';
import { Filters } from './Filters';
import { defaultColumns, readableFields, readState, systemFields, writeState, type ListState } from './query';
import { RecordRows } from './RecordRows';
import { chooseAll, useRecords } from './useRecords';
import { Views } from './Views';

const Selection = lazy(async () => ({ default: (await import('./Selection')).Selection }));

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
  const [location, go] = useLocation();
  const search = useSearch();
  const state = useMemo(() => readState(search), [search]);
  const change = (next: Partial<ListState>): void => go(`${location}?${writeState({ ...state, ...next })}`, { replace: true });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [own, setOwn] = useLocalStorage<string[]>({ key: `nexus.columns.${resource.name}`, defaultValue: defaultColumns(resource), getInitialValueInEffect: false });
  const columns = state.columns ?? own;
  const setColumns = (next: string[]): void => (state.columns ? change({ columns: next }) : setOwn(next));
  const [text, setText] = useState(state.q);
  const searchSoon = useDebouncedCallback((q: string) => change({ q }), 120);
  useRecordChanges(resource.view ? null : resource.name);

  const query = writeState({ ...state, columns: null });
  const list = useRecords(resource, query);
  const { total } = list;
  // All of what is shown: who looks at others or has chosen meanwhile has not asked for these.
  const asked = useRef(query);
  useLayoutEffect(() => { asked.current = query; }, [query]);
  // Fetched with the first choice; it stays for what is under way when nothing is chosen any more.
  const wasChosen = useRef(false);
  wasChosen.current ||= selected.size > 0;
  const fields = useMemo(() => readableFields(resource), [resource]);
  // Of columns that went with a version of the plugin nothing would be left to look at.
  const shown = useMemo(() => [columns, defaultColumns(resource)].map((names) => names.map((column) => fields.find((f) => f.name === column)).filter((f) => f !== undefined)).find((found) => found.length > 0) ?? [], [columns, fields, resource]);
  const isFiltered = state.q !== '' || state.conditions.length > 0;

  return (
    <>
      <PageHead title={titleOf(resource)} about={resource.description}>
        {'create' in resource.allowed && <Button leftSection={<Plus size={16} />} onClick={() => go(`/r/${resource.name}/new`)}>{words.createOne(spoken(resource.singular))}</Button>}
      </PageHead>
      <Stack gap="sm">
        <Group gap="xs">
          {resource.search.length > 0 && (
            <TextInput className="grow" miw={180} maw={360} type="search" aria-label={words.search} placeholder={words.search} leftSection={<Search size={16} />} value={text}
              onChange={(e) => { setText(e.currentTarget.value); searchSoon(e.currentTarget.value); }} />
          )}
          <Views resource={resource} query={search} columns={columns} onOpen={(next) => { searchSoon.cancel(); setText(readState(next).q); go(next ? `${location}?${next}` : location); }} />
          <Filters fields={fields} conditions={state.conditions} onChange={(conditions) => change({ conditions })} />
          {total !== null && <Text size="sm" c="dimmed" role="status" ml="auto">{words.records(total, format.number(total))}</Text>}
          <Group gap={4} ml={total === null ? 'auto' : undefined}>
            <ColumnChoice fields={fields} columns={columns} setColumns={setColumns} />
            <Menu position="bottom-end">
              <Menu.Target><Tooltip label={words.export}><ActionIcon variant="default" size="lg" aria-label={words.export}><Download size={18} /></ActionIcon></Tooltip></Menu.Target>
              <Menu.Dropdown>
                {(['csv', 'json'] as const).map((form) => <Menu.Item key={form} onClick={() => void exportAs(form, resource, shown, query, words, format).catch((fault: unknown) => tellFault(fault, words))}>{form.toUpperCase()}</Menu.Item>)}
              </Menu.Dropdown>
            </Menu>
            <Tooltip label={words.refresh}><ActionIcon variant="default" size="lg" aria-label={words.refresh} aria-busy={list.isReading || undefined} onClick={list.readAgain}><RotateCw size={18} className={list.isReading ? 'turning' : undefined} /></ActionIcon></Tooltip>
          </Group>
        </Group>
        {wasChosen.current && <Suspense fallback={null}><Selection resource={resource} selected={selected} onSelect={setSelected} /></Suspense>}
        {list.isLoading ? <Waiting lines={8} /> : list.error ? <Fault error={list.error} retry={list.readAgain} /> : total === 0 ? (
          <Empty title={isFiltered ? words.noMatches : words.noRecords} hint={isFiltered ? words.noMatchesHint : 'create' in resource.allowed ? words.noRecordsHint : words.noRecordsRead}>
            {isFiltered ? <Button variant="light" onClick={() => { searchSoon.cancel(); setText(''); change({ q: '', conditions: [] }); }}>{words.clear}</Button> : null}
          </Empty>
        ) : null}
        {total !== null && total > 0 && (
          <Boundary>
            <RecordRows resource={resource} list={list} fields={shown} query={query} sort={state.sort} onSort={(sort) => change({ sort })} selected={selected} onSelect={setSelected}
              onSelectAll={() => void chooseAll(resource, query).then((ids) => { if (asked.current === query) setSelected((now) => (now === selected ? new Set(ids) : now)); }, (fault: unknown) => tellFault(fault, words))} />
          </Boundary>
        )}
      </Stack>
    </>
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
