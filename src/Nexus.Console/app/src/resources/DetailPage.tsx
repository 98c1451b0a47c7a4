import { Alert, Anchor, Breadcrumbs, Button, Card, Grid, Menu, Stack, Table, Tabs, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronDown, Pencil, Trash2 } from 'lucide-react';
import { lazy, Suspense, useCallback, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { labelOf, nameOf, spoken, titleOf, useResource, type Action, type Resource, type Row } from '../api/catalogue';
import { Problem } from '../api/http';
import { actOnRecord, changeRecord, createRecord, deleteRecord, findRecord } from '../api/records';
import { readAgain } from '../api/again';
import { useRecordChanges } from '../api/live';
import { useNames } from '../api/names';
import { useMay, useView } from '../api/session';
import { allAsSent } from '../kinds/sent';
import { useFormat } from '../kinds/useFormat';
import { Value } from '../kinds/Value';
import { Dialog, Empty, Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useIsThere } from '../shell/useIsThere';
import { useWords } from '../words';
import { ask } from './ask';
import { Form } from './Form';
import { History } from './History';
import { canBeMadeAgain, isSame, makeAgain, tellWithUndo } from './undo';

const Attachments = lazy(async () => ({ default: (await import('./Attachments')).Attachments }));

/** One record: its fields, what can be done with it, and what was done. */
export function DetailPage({ name, id }: { name: string; id: string }): ReactNode {
  const words = useWords();
  const { resource, isLoading, error } = useResource(name);
  if (isLoading) return <Waiting />;
  if (error) return <Fault error={error} />;
  if (!resource) return <Empty isPage title={words.notFound} hint={words.notFoundHint} />;
  return id === 'new' ? <New resource={resource} /> : <Detail resource={resource} id={id} />;
}

function Trail({ resource, last }: { resource: Resource; last: string }): ReactNode {
  return <Breadcrumbs mb="xs" fz="sm"><Anchor component={Link} href={`/r/${resource.name}`}>{titleOf(resource)}</Anchor><Text span size="sm" c="dimmed" lineClamp={1}>{last}</Text></Breadcrumbs>;
}

function New({ resource }: { resource: Resource }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const [, go] = useLocation();
  const title = words.createOne(spoken(resource.singular));
  return (
    <>
      <Trail resource={resource} last={title} />
      <PageHead title={title} about={resource.description} />
      <Card withBorder maw={720}>
        <Form id={`new ${resource.name}`} fields={resource.fields} owner={resource.plugin} label={words.create} onCancel={() => go(`/r/${resource.name}`)} onSubmit={async (values, key, isThere) => {
          const made = await createRecord(resource, values, key);
          void client.invalidateQueries({ queryKey: ['records', resource.name] });
          tellDone(words.created);
          if (isThere()) go(`/r/${resource.name}/${made.id}`);
        }} />
      </Card>
    </>
  );
}

function Detail({ resource, id }: { resource: Resource; id: string }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const may = useMay();
  const hasHistory = !resource.view && may('platform.audit:read');
  const [, go] = useLocation();
  const isThere = useIsThere();
  const [isEditing, setIsEditing] = useState(false);
  const [isRemoving, setIsRemoving] = useState(false);
  const [action, setAction] = useState<Action | null>(null);
  const caller = useView().data?.caller.id ?? '';
  useRecordChanges(resource.view ? null : resource.name, useCallback(() => void readAgain(client, ['history', resource.name, id]), [client, resource.name, id]));
  const record = useQuery({ queryKey: ['records', resource.name, id], queryFn: () => findRecord(resource, id) });
  const row = record.data;
  if (record.error instanceof Problem && record.error.status === 404) return <><Trail resource={resource} last={id} /><Empty isPage title={words.gone} hint={words.goneHint} />{hasHistory && <History resource={resource} id={id} row={null} />}</>;
  if (!row) return record.error ? <Fault error={record.error} retry={() => void record.refetch()} /> : <Waiting />;

  const title = nameOf(resource, row);
  const took = (next: Row): void => {
    client.setQueryData(['records', resource.name, id], next);
    void client.invalidateQueries({ queryKey: ['records', resource.name] });
    void client.invalidateQueries({ queryKey: ['history', resource.name, id] });
  };
  const run = async (one: Action, input: Record<string, unknown> | null, key?: string): Promise<void> => {
    took(await actOnRecord(resource, row, one.name, input, key));
    tellDone(`${spoken(one.name)}: ${words.done}`);
  };
  const begin = async (one: Action): Promise<void> => {
    if (one.fields.length > 0) {
      setAction(one);
      return;
    }
    if (!(await ask({ title: `${spoken(one.name)}: ${title}`, ...(one.description ? { text: one.description } : {}), confirm: spoken(one.name), cancel: words.cancel }))) return;
    await run(one, null).catch((fault: unknown) => tellFault(fault, words));
  };
  const removeIt = async (): Promise<void> => {
    const canUndo = canBeMadeAgain(resource, row, caller);
    if (!canUndo && !(await ask({ title: words.deleteQuestion(title), text: words.deleteExplained, confirm: words.delete, cancel: words.cancel, isDangerous: true }))) return;
    setIsRemoving(true);
    try {
      await deleteRecord(resource, id, row.revision);
      if (!canUndo) tellDone(words.deleted(1));
      else {
        tellWithUndo(words.deletedOne(title), words, async () => {
          await makeAgain(resource, [row]).then(() => tellDone(words.undone), (fault: unknown) => tellFault(fault, words));
          await client.invalidateQueries({ queryKey: ['records', resource.name] });
        });
      }
      if (isThere()) go(`/r/${resource.name}`);
      void client.invalidateQueries({ queryKey: ['records', resource.name] });
    } catch (fault) {
      tellFault(fault, words);
      setIsRemoving(false);
    }
  };
  const actions = resource.actions.filter((a) => a.name in resource.allowed);

  return (
    <>
      <Trail resource={resource} last={title} />
      <PageHead title={title} about={spoken(resource.singular)}>
        {actions.slice(0, 3).map((one) => <Button key={one.name} variant="light" onClick={() => void begin(one)}>{spoken(one.name)}</Button>)}
        {actions.length > 3 && (
          <Menu position="bottom-end">
            <Menu.Target><Button variant="light" rightSection={<ChevronDown size={14} />}>{words.more}</Button></Menu.Target>
            <Menu.Dropdown>{actions.slice(3).map((one) => <Menu.Item key={one.name} onClick={() => void begin(one)}>{spoken(one.name)}</Menu.Item>)}</Menu.Dropdown>
          </Menu>
        )}
        {'update' in resource.allowed && !isEditing && <Button variant="default" leftSection={<Pencil size={16} />} onClick={() => setIsEditing(true)}>{words.edit}</Button>}
        {'delete' in resource.allowed && <Button variant="subtle" color="red" loading={isRemoving} leftSection={<Trash2 size={16} />} onClick={() => void removeIt()}>{words.delete}</Button>}
      </PageHead>
      <Tabs defaultValue="fields" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="fields">{words.details}</Tabs.Tab>
          {hasHistory && <Tabs.Tab value="history">{words.history}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="fields">
          <Stack>
            {isEditing ? <Edit resource={resource} row={row} onDone={() => setIsEditing(false)} onSaved={took} /> : <Facts resource={resource} row={row} />}
            {resource.attachments && <Suspense fallback={<Waiting lines={3} />}><Attachments resource={resource} id={id} /></Suspense>}
          </Stack>
        </Tabs.Panel>
        {hasHistory && <Tabs.Panel value="history"><History resource={resource} id={id} row={row} /></Tabs.Panel>}
      </Tabs>
      <Dialog isOpen={action !== null} onClose={() => setAction(null)} title={action ? spoken(action.name) : ''}>
        {action && (
          <Stack>
            {action.description && <Text size="sm">{action.description}</Text>}
            <Form id={`${action.name} ${id}`} fields={action.fields} owner={resource.plugin} label={spoken(action.name)} onCancel={() => setAction(null)} onSubmit={async (values, key, isThere) => { await run(action, values, key); if (isThere()) setAction(null); }} />
          </Stack>
        )}
      </Dialog>
    </>
  );
}

function Facts({ resource, row }: { resource: Resource; row: Row }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const personOf = useNames();
  return (
    <Grid>
      <Grid.Col span={{ base: 12, md: 8 }}>
        <Card withBorder component="dl" m={0} className="facts" display="grid">
          {resource.fields.filter((f) => !f.secret).map((field) => (
            <div key={field.name} className={['Multiline', 'Json', 'Group', 'Map', 'List'].includes(field.kind) ? 'wide' : undefined}>
              <Text component="dt" size="sm" c="dimmed">{labelOf(field)}</Text>
              <dd><Value field={field} value={row[field.name]} owner={resource.plugin} /></dd>
            </div>
          ))}
        </Card>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 4 }}>
        <Card withBorder>
          <Table variant="vertical" layout="fixed" withRowBorders={false} highlightOnHover={false}>
            <Table.Tbody>
              {([[words.createdAt, format.instant(String(row['createdAt']))], [words.updatedAt, format.ago(String(row['updatedAt']))], [words.owner, personOf(String(row['owner'] ?? '–'))], [words.revision, String(row.revision)], [words.id, row.id]] as const).map(([label, value]) => (
                <Table.Tr key={label}><Table.Th w={110} fw={400} c="dimmed" bg="transparent" px={0}>{label}</Table.Th><Table.Td style={{ overflowWrap: 'anywhere' }}>{value}</Table.Td></Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Card>
      </Grid.Col>
    </Grid>
  );
}

function Edit({ resource, row, onDone, onSaved }: { resource: Resource; row: Row; onDone: () => void; onSaved: (next: Row) => void }): ReactNode {
  const words = useWords();
  // The state that the form began with: what comes meanwhile does not take anybody's input away.
  const [began, setBegan] = useState(row);
  const [isStale, setIsStale] = useState(false);
  return (
    <Card withBorder maw={720}>
      {(isStale || row.revision !== began.revision) && (
        <Alert color="yellow" mb="md" title={words.changedMeanwhile} role="status">
          <Text size="sm" mb="xs">{words.changedMeanwhileHint}</Text>
          <Button size="xs" variant="light" onClick={() => { setBegan(row); setIsStale(false); }}>{words.readNewest}</Button>
        </Alert>
      )}
      <Form key={began.revision} id={`edit ${row.id}`} fields={resource.fields} owner={resource.plugin} initial={began} label={words.save} onCancel={onDone} onSubmit={async (values, _, isThere) => {
        const before = allAsSent(resource.fields, began);
        const changed = Object.fromEntries(Object.entries(values).filter(([name, value]) => !isSame(value, before[name])));
        if (Object.keys(changed).length === 0) { onDone(); return; }
        try {
          const saved = await changeRecord(resource, began, changed);
          tellDone(words.saved);
          onSaved(saved);
          if (isThere()) onDone();
        } catch (fault) {
          if (!(fault instanceof Problem) || fault.status !== 412) throw fault;
          setIsStale(true);
        }
      }} />
    </Card>
  );
}
