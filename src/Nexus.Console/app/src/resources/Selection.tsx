import { Button, Group, List, Menu, MultiSelect, Progress, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronDown, Pencil, Trash2 } from 'lucide-react';
import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { labelOf, nameOf, spoken, type Action, type Field, type Resource } from '../api/catalogue';
import { Problem } from '../api/http';
import { actOnRecords, batchRecords, type Batch } from '../api/records';
import { useView } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { Dialog, tellDone, tellFault } from '../shell/Parts';
import { useWords } from '../words';
import { ask } from './ask';
import { Form } from './Form';
import { fieldsOfMany } from './query';
import { canBeMadeAgain, makeAgain, readRows, tellWithUndo } from './undo';

/** A change of several records under way, or what is left of it: those that were refused, with the reason of each. */
interface Job { title: string; total: number; done: number; refused: { id: string; why: string }[]; isOver: boolean }

/** Records of one request: small enough that its progress is seen, large enough that a hundred records are no hundred requests. */
const portion = 50;

/** As many deleted records as are kept in the page for an undo. */
const undoable = 1000;

interface SelectionProps { resource: Resource; selected: ReadonlySet<string>; onSelect: (selected: ReadonlySet<string>) => void }

/** What can be done with all the selected records: the resource's actions, new values of fields, deletion. */
export function Selection({ resource, selected, onSelect }: SelectionProps): ReactNode {
  const words = useWords();
  const format = useFormat();
  const client = useQueryClient();
  const caller = useView().data?.caller.id ?? '';
  const [job, setJob] = useState<Job | null>(null);
  const [action, setAction] = useState<Action | null>(null);
  const [isEditing, setIsEditing] = useState(false);
  const isStopped = useRef(false);
  const isUnderWay = useRef(false);
  // What is chosen while others are under way stays chosen.
  const latest = useRef(selected);
  useLayoutEffect(() => { latest.current = selected; }, [selected]);
  const many = selected.size === 1 ? spoken(resource.singular) : words.records(selected.size, format.number(selected.size));
  const actions = resource.actions.filter((a) => a.name in resource.allowed);
  const writable = fieldsOfMany(resource);

  /** Sends portion after portion and keeps what was refused selected. An input that none of the first portion takes is given back with its errors. */
  const run = async (title: string, change: (ids: string[], key: string) => Promise<Batch>, hasInput = false): Promise<ReadonlySet<string>> => {
    const ids = [...selected];
    const refused: Job['refused'] = [];
    const done = new Set<string>();
    const left = (): void => onSelect(new Set([...latest.current].filter((id) => !done.has(id))));
    isStopped.current = false;
    setJob({ title, total: ids.length, done: 0, refused, isOver: false });
    try {
      for (let at = 0; at < ids.length && !isStopped.current; at += portion) {
        const { results } = await change(ids.slice(at, at + portion), crypto.randomUUID());
        const first = results[0];
        if (hasInput && at === 0 && first?.error?.errors?.length && results.every((r) => r.status === first.status)) throw new Problem(first.status, first.error.code ?? '', first.error.title ?? '', first.error.detail ?? '', null, first.error.errors);
        for (const result of results) {
          if (result.status < 400) done.add(result.id ?? '');
          else refused.push({ id: result.id ?? '', why: result.error?.detail ?? String(result.status) });
        }
        setJob({ title, total: ids.length, done: done.size + refused.length, refused: [...refused], isOver: false });
      }
    } catch (fault) {
      setJob(null);
      left();
      void client.invalidateQueries({ queryKey: ['records', resource.name] });
      throw fault;
    }
    left();
    setJob(refused.length > 0 ? { title, total: ids.length, done: done.size, refused: [...refused], isOver: true } : null);
    await client.invalidateQueries({ queryKey: ['records', resource.name] });
    return done;
  };

  const act = async (one: Action, input: Record<string, unknown>): Promise<void> => {
    const title = spoken(one.name);
    const done = await run(title, (ids, key) => actOnRecords(resource, one.name, { ids, input }, key), one.fields.length > 0);
    if (done.size > 0) tellDone(`${title}: ${words.doneMany(done.size, format.number(done.size))}`);
  };
  const begin = async (one: Action): Promise<void> => {
    if (one.fields.length > 0) setAction(one);
    else if (await ask({ title: `${spoken(one.name)}: ${many}`, ...(one.description ? { text: one.description } : {}), confirm: spoken(one.name), cancel: words.cancel })) await act(one, {}).catch((fault: unknown) => tellFault(fault, words));
  };
  const edit = async (values: Record<string, unknown>): Promise<void> => {
    const done = await run(words.edit, (ids) => batchRecords('PATCH', resource, ids.map((id) => ({ ...values, id }))), true);
    if (done.size > 0) tellDone(words.doneMany(done.size, format.number(done.size)));
  };
  const removeAll = async (): Promise<void> => {
    try {
      const kept = 'create' in resource.allowed && selected.size <= undoable ? await readRows(resource, [...selected]) : [];
      const canUndo = kept.length > 0 && kept.every((row) => canBeMadeAgain(resource, row, caller));
      if (!canUndo && !(await ask({ title: words.deleteQuestion(many), text: words.deleteExplained, confirm: words.delete, cancel: words.cancel, isDangerous: true }))) return;
      const done = await run(words.delete, (ids) => batchRecords('DELETE', resource, ids));
      if (done.size === 0) return;
      if (!canUndo) tellDone(words.deleted(done.size));
      else {
        tellWithUndo(words.deleted(done.size), words, async () => {
          await makeAgain(resource, kept.filter((row) => done.has(row.id))).then(() => tellDone(words.undone), (fault: unknown) => tellFault(fault, words));
          await client.invalidateQueries({ queryKey: ['records', resource.name] });
        });
      }
    } catch (fault) {
      tellFault(fault, words);
    }
  };
  /** A second click while the first is under way is none. */
  const once = async (work: () => Promise<void>): Promise<void> => {
    if (isUnderWay.current) return;
    isUnderWay.current = true;
    await work();
    isUnderWay.current = false;
  };

  return (
    <>
      {selected.size > 0 && (
        <Group gap="xs" role="toolbar" aria-label={words.actions}>
          <Text size="sm" fw={600}>{words.selected(selected.size)}</Text>
          {actions.length > 0 && (
            <Menu position="bottom-start">
              <Menu.Target><Button size="xs" variant="light" rightSection={<ChevronDown size={14} aria-hidden />}>{words.actions}</Button></Menu.Target>
              <Menu.Dropdown>{actions.map((one) => <Menu.Item key={one.name} onClick={() => void once(() => begin(one))}>{spoken(one.name)}</Menu.Item>)}</Menu.Dropdown>
            </Menu>
          )}
          {'update' in resource.allowed && writable.length > 0 && <Button size="xs" variant="light" leftSection={<Pencil size={14} aria-hidden />} onClick={() => setIsEditing(true)}>{words.edit}</Button>}
          {'delete' in resource.allowed && <Button size="xs" color="red" variant="light" leftSection={<Trash2 size={14} aria-hidden />} onClick={() => void once(removeAll)}>{words.delete}</Button>}
          <Button size="xs" variant="subtle" color="gray" onClick={() => onSelect(new Set())}>{words.clear}</Button>
        </Group>
      )}
      <Dialog isOpen={action !== null} onClose={() => setAction(null)} title={action ? `${spoken(action.name)}: ${many}` : ''}>
        {action && (
          <Stack>
            {action.description && <Text size="sm">{action.description}</Text>}
            <Form id={`${action.name} ${resource.name}`} fields={action.fields} owner={resource.plugin} label={spoken(action.name)} onCancel={() => setAction(null)} onSubmit={async (values, _, isThere) => { await act(action, values); if (isThere()) setAction(null); }} />
          </Stack>
        )}
      </Dialog>
      <Dialog isOpen={isEditing} onClose={() => setIsEditing(false)} title={`${words.edit}: ${many}`}>
        <FieldChoice fields={writable} resource={resource} label={words.changeMany(many)} onCancel={() => setIsEditing(false)} onSubmit={async (values, _, isThere) => { await edit(values); if (isThere()) setIsEditing(false); }} />
      </Dialog>
      <Dialog isOpen={job !== null && (job.isOver || job.total > portion)} onClose={() => { if (job?.isOver) setJob(null); else isStopped.current = true; }} title={job ? `${job.title}: ${words.records(job.total, format.number(job.total))}` : ''}>
        {job && (job.isOver ? <Outcome resource={resource} job={job} onClose={() => setJob(null)} /> : (
          <Stack gap="xs">
            <Progress value={(100 * job.done) / Math.max(1, job.total)} animated aria-label={job.title} />
            <Group justify="space-between"><Text size="sm" className="figures" role="status">{words.ofAll(format.number(job.done), format.number(job.total))}</Text><Button size="xs" variant="default" onClick={() => { isStopped.current = true; }}>{words.stop}</Button></Group>
          </Stack>
        ))}
      </Dialog>
    </>
  );
}

/** Which records were refused, and why; the same reason is said once. */
function Outcome({ resource, job, onClose }: { resource: Resource; job: Job; onClose: () => void }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const shown = 20;
  const groups = [...Map.groupBy(job.refused, (one) => one.why)].map(([why, those]) => ({ why, those: those.slice(0, shown), more: those.length - shown }));
  const named = groups.flatMap((group) => group.those.map((one) => one.id));
  const found = useQuery({ queryKey: ['records', resource.name, 'named', named], queryFn: () => readRows(resource, named), enabled: 'read' in resource.allowed });
  const nameFor = (id: string): string => {
    const row = found.data?.find((one) => one.id === id);
    return row ? nameOf(resource, row) : `…${id.slice(-8)}`;
  };
  return (
    <Stack>
      <Text size="sm" role="status">{words.outcome(format.number(job.done), format.number(job.refused.length))} {words.stillSelected}</Text>
      {groups.map(({ why, those, more }) => (
        <div key={why}>
          <Text size="sm" fw={600} c="var(--mantine-color-error)" className="lines">{why}</Text>
          <List size="sm">{those.map((one) => <List.Item key={one.id}>{nameFor(one.id)}</List.Item>)}</List>
          {more > 0 && <Text size="sm" c="dimmed">{words.andMore(format.number(more))}</Text>}
        </div>
      ))}
      <Group justify="flex-end"><Button onClick={onClose} data-autofocus>{words.close}</Button></Group>
    </Stack>
  );
}

/** Which fields are to be changed, and to what. */
function FieldChoice({ fields, resource, label, onCancel, onSubmit }: { fields: Field[]; resource: Resource; label: string; onCancel: () => void; onSubmit: (values: Record<string, unknown>, key: string, isThere: () => boolean) => Promise<void> }): ReactNode {
  const words = useWords();
  const [names, setNames] = useState<string[]>([]);
  const chosen = fields.filter((f) => names.includes(f.name));
  return (
    <Stack>
      <MultiSelect label={words.fieldsToChange} data={fields.map((f) => ({ value: f.name, label: labelOf(f) }))} value={names} onChange={setNames} searchable comboboxProps={{ withinPortal: false }} clearButtonProps={{ 'aria-label': words.clear }} />
      {chosen.length > 0 && <Form id={`edit many ${resource.name}`} fields={chosen} owner={resource.plugin} initial={Object.fromEntries(chosen.map((f) => [f.name, f.kind === 'Boolean' ? false : null]))} label={label} onCancel={onCancel} onSubmit={onSubmit} />}
    </Stack>
  );
}
