import { Badge, Button, Group, Stack, Table, Text, Timeline } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Undo2 } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { labelOf, spoken, type Resource, type Row } from '../api/catalogue';
import { get } from '../api/client';
import { Problem } from '../api/http';
import { changeRecord, createRecord } from '../api/records';
import { useNames } from '../api/names';
import { allAsSent } from '../kinds/sent';
import { useFormat } from '../kinds/useFormat';
import { Dialog, Empty, Fault, tellDone, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { isSame, undoOf, verbOf, type Entry, type Undo } from './undo';

/** What was done with the record, from the audit trail: what each change was, and the way back where there is one. Without a record it is gone. */
export function History({ resource, id, row }: { resource: Resource; id: string; row: Row | null }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const nameOf = useNames();
  const [chosen, setChosen] = useState<{ entry: Entry; undo: Undo } | null>(null);
  const short = resource.name.slice(resource.plugin.length + 1);
  const history = useQuery({ queryKey: ['history', resource.name, id], queryFn: async () => (await get('/api/v1/audit', { query: { subject: `${short}/${id}`, limit: 100 } })).items as Entry[] });
  if (history.isLoading) return <Waiting />;
  if (history.error) return <Fault error={history.error} retry={() => void history.refetch()} />;
  const entries = history.data ?? [];
  if (entries.length === 0) return row ? <Empty title={words.noRecords} /> : null;
  const said = (entry: Entry): string => words.recordVerbs[verbOf(resource, entry)] ?? spoken(verbOf(resource, entry));
  // A record that is gone comes back by its last entry alone.
  const undos = entries.map((entry, at) => (row || at === 0 ? undoOf(resource, entry, row) : null));
  return (
    <>
      <Timeline bulletSize={14} lineWidth={2}>
        {entries.map((entry, at) => {
          const [verb, undo] = [said(entry), undos[at]];
          return (
            <Timeline.Item key={entry.position} title={<Group gap="xs"><Text span fw={600}>{verb}</Text>{entry.result !== 'success' && <Badge color="red" variant="light">{entry.result}</Badge>}</Group>}>
              <Group gap="xs">
                <Text size="sm" c="dimmed" title={format.instant(entry.at)}>{format.ago(entry.at)} {words.by} {nameOf(entry.actor)}</Text>
                {undo && <Button size="compact-xs" variant="subtle" leftSection={<Undo2 size={14} aria-hidden />} aria-label={`${words.undo}: ${verb}, ${format.instant(entry.at)}`} onClick={() => setChosen({ entry, undo })}>{words.undo}</Button>}
              </Group>
              {entry.detail?.attachment && <Text size="sm" mt={4} className="lines">{entry.detail.attachment.name} <Text span c="dimmed" size="xs">{format.bytes(entry.detail.attachment.size)}</Text></Text>}
              {entry.detail?.changes && (
                <Differences resource={resource} label={words.changes} heads={[words.before, words.after]} rows={Object.entries(entry.detail.changes).map(([name, change]) => [name, change.old, change.new])} />
              )}
            </Timeline.Item>
          );
        })}
      </Timeline>
      <Dialog isOpen={chosen !== null} onClose={() => setChosen(null)} title={chosen ? `${words.undo}: ${said(chosen.entry)}` : ''}>
        {chosen && <TakeBack resource={resource} id={id} row={row} undo={chosen.undo} onDone={() => setChosen(null)} />}
      </Dialog>
    </>
  );
}

function Differences({ resource, label, heads, rows }: { resource: Resource; label: string; heads: readonly string[]; rows: readonly (readonly [string, unknown, unknown])[] }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const text = (name: string, value: unknown): string => {
    const field = resource.fields.find((f) => f.name === name);
    return field && value !== '***' ? format.value(field, value) : typeof value === 'string' ? value : JSON.stringify(value);
  };
  return (
    <Table mt="xs" verticalSpacing={2} withRowBorders={false} highlightOnHover={false} w="auto" aria-label={label}>
      <Table.Thead><Table.Tr>{[words.name, ...heads].map((head) => <Table.Th key={head} fw={400} fz="xs" c="dimmed" pl={0}>{head}</Table.Th>)}</Table.Tr></Table.Thead>
      <Table.Tbody>
        {rows.map(([name, before, after]) => {
          const field = resource.fields.find((f) => f.name === name);
          return <Table.Tr key={name}><Table.Td c="dimmed" pl={0}>{field ? labelOf(field) : spoken(name)}</Table.Td><Table.Td className="lines" pl={0}>{isSame(before, null) ? '–' : <del>{text(name, before)}</del>}</Table.Td><Table.Td className="lines" pl={0}>{isSame(after, null) ? '–' : <ins>{text(name, after)}</ins>}</Table.Td></Table.Tr>;
        })}
      </Table.Tbody>
    </Table>
  );
}

/** Shows what taking a change back does to the record as it is now, and does it. */
function TakeBack({ resource, id, row, undo, onDone }: { resource: Resource; id: string; row: Row | null; undo: Undo; onDone: () => void }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const differing = Object.entries(undo.values).filter(([name, value]) => !isSame(value, row?.[name]));
  const run = async (): Promise<void> => {
    setIsBusy(true);
    setError(null);
    try {
      const given = allAsSent(resource.fields, Object.fromEntries(differing));
      if (undo.isAgain || !row) await createRecord(resource, { id, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) });
      else await changeRecord(resource, row, given);
      tellDone(words.undone);
      onDone();
    } catch (fault) {
      setError(fault instanceof Problem && fault.status === 412 ? new Error(words.changedSinceUndo) : fault);
    } finally {
      setIsBusy(false);
      void client.invalidateQueries({ queryKey: ['records', resource.name] });
      void client.invalidateQueries({ queryKey: ['history', resource.name, id] });
    }
  };
  return (
    <Stack>
      <Text size="sm">{undo.isAgain ? words.againExplained : words.undoExplained}</Text>
      <Differences resource={resource} label={words.changes} heads={[words.now, words.afterwards]} rows={differing.map(([name, value]) => [name, row?.[name], value])} />
      {error !== null && <Fault error={error} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onDone}>{words.cancel}</Button>
        <Button loading={isBusy} disabled={differing.length === 0} onClick={() => void run()} data-autofocus>{words.undo}</Button>
      </Group>
    </Stack>
  );
}
