import { Badge, Button, Group, PasswordInput, Select, Stack, Table, Text, TextInput, Tooltip, UnstyledButton } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Search } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { get, put } from '../api/client';
import type { ConfigurationValue as Setting } from '../api/contract';
import { Problem } from '../api/http';
import { useMay, useView } from '../api/session';
import { Empty, Fault, PageHead, tellDone, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Rows, Side, useAddress } from './Rows';

/** What the command line or the environment says wins over what is stored, so that storing it would change nothing. */
const isOverruled = (setting: Setting): boolean => /^(option|variable)\b/.test(setting.source ?? '');

/** Elements of a list are changed with their list. */
const isElement = (setting: Setting): boolean => /\.\d+(\.|$)/.test(setting.key);

/** Every setting with its value and where that comes from; those that may be changed are changed here. */
export function Configuration(): ReactNode {
  const words = useWords();
  const may = useMay();
  const [read, change] = useAddress();
  const [chosen, setChosen] = useState<Setting | null>(null);
  const all = useQuery({ queryKey: ['config'], queryFn: () => get('/api/v1/config') });
  if (all.isLoading) return <Waiting />;
  if (all.error) return <Fault error={all.error} retry={() => void all.refetch()} />;
  const text = read('q').toLowerCase();
  const sections = [...new Set(all.data?.map((s) => s.key.split('.')[0] ?? '') ?? [])];
  const rows = (all.data ?? []).filter((s) => (!read('section') || s.key.startsWith(`${read('section')}.`) || s.key === read('section')) && (!read('set') || s.source !== 'default') && (!text || `${s.key} ${s.value} ${s.source}`.toLowerCase().includes(text)));
  return (
    <>
      <PageHead title={words.config} about={words.configAbout} />
      <Stack gap="sm">
        <Group gap="sm" role="search">
          <TextInput className="grow" maw={420} miw={200} aria-label={words.search} placeholder={words.search} leftSection={<Search size={16} aria-hidden />} value={read('q')} onChange={(e) => change({ q: e.currentTarget.value })} />
          <Select aria-label={words.section} placeholder={words.section} searchable clearable clearButtonProps={{ 'aria-label': words.clear }} value={read('section') || null} onChange={(section) => change({ section })} data={sections} />
          <Select aria-label={words.source} value={read('set') ? 'set' : 'all'} onChange={(set) => change({ set: set === 'set' ? 'yes' : null })} data={[{ value: 'all', label: words.all }, { value: 'set', label: words.notDefault }]} allowDeselect={false} />
        </Group>
        {rows.length === 0 ? <Empty title={words.noMatches} hint={words.noMatchesHint} /> : (
          <Rows label={words.config} heads={[words.key, words.value, words.source, words.restart]} width={720}>
            {rows.map((s) => (
              <Table.Tr key={`${s.key} ${s.source}`}>
                <Table.Td>{may('platform.config:update') && !isOverruled(s) && !isElement(s)
                  ? <UnstyledButton fz="sm" fw={600} c="var(--mantine-color-anchor)" onClick={() => setChosen(s)}>{s.key}</UnstyledButton>
                  : <Text size="sm" fw={600}>{s.key}</Text>}</Table.Td>
                <Table.Td><Text size="sm" className="lines" c={s.secret ? 'dimmed' : undefined}>{s.secret ? words.hidden : s.value}</Text></Table.Td>
                <Table.Td>{s.source === 'default' ? <Text size="sm" c="dimmed">{words.default}</Text> : <Badge variant="light" color={s.source === 'stored' ? 'blue' : 'gray'}>{s.source === 'stored' ? words.stored : s.source}</Badge>}</Table.Td>
                <Table.Td>{s.restart && <Tooltip label={words.restartExplained}><Badge variant="light" color="yellow">{words.restart}</Badge></Tooltip>}</Table.Td>
              </Table.Tr>
            ))}
          </Rows>
        )}
      </Stack>
      <Side title={chosen?.key ?? null} onClose={() => setChosen(null)}>{chosen && <Change key={chosen.key} setting={chosen} onDone={() => setChosen(null)} />}</Side>
    </>
  );
}

function Change({ setting, onDone }: { setting: Setting; onDone: () => void }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const view = useView();
  const [value, setValue] = useState(setting.secret ? '' : setting.value ?? '');
  const [fault, setFault] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const store = async (next: string | null): Promise<void> => {
    setIsBusy(true);
    setFault(null);
    try {
      // Ids of plugins have dots of their own: a plugin's settings go to the plugin.
      const plugin = view.data?.plugins.filter((id) => setting.key.startsWith(`plugins.${id}.`)).sort((a, b) => b.length - a.length)[0];
      const names = (plugin ? setting.key.slice(`plugins.${plugin}.`.length) : setting.key).split('.');
      const body = names.reduceRight<Record<string, unknown> | string | null>((inner, name) => ({ [name]: inner }), next) as Record<string, unknown>;
      const answer = plugin ? await put('/api/v1/plugins/{id}/config', { path: { id: plugin }, body }) : await put('/api/v1/config', { body });
      await client.invalidateQueries({ queryKey: ['config'] });
      tellDone(answer.restart_required ? words.savedForRestart : words.saved);
      onDone();
    } catch (error) {
      setFault(error);
    } finally {
      setIsBusy(false);
    }
  };
  const wrong = fault instanceof Problem ? fault.errors.map((one) => one.detail).join('\n') : '';
  const shared = { label: words.value, description: setting.restart ? words.restartExplained : words.actsAtOnce, error: wrong || undefined, value, 'data-autofocus': true };
  return (
    <form onSubmit={(event) => { event.preventDefault(); void store(value); }}>
      <Stack>
        {value === 'true' || value === 'false'
          ? <Select {...shared} data={[{ value: 'true', label: words.yes }, { value: 'false', label: words.no }]} allowDeselect={false} onChange={(next) => setValue(next ?? 'false')} />
          : setting.secret ? <PasswordInput {...shared} aria-invalid={wrong !== ''} autoComplete="new-password" onChange={(e) => setValue(e.currentTarget.value)} /> : <TextInput {...shared} onChange={(e) => setValue(e.currentTarget.value)} />}
        {fault !== null && !wrong && <Fault error={fault} />}
        <Group justify="space-between">
          {setting.source === 'stored' ? <Button variant="subtle" color="red" disabled={isBusy} onClick={() => void store(null)}>{words.backToDefault}</Button> : <span />}
          <Group gap="xs"><Button variant="default" onClick={onDone}>{words.cancel}</Button><Button type="submit" loading={isBusy}>{words.save}</Button></Group>
        </Group>
      </Stack>
    </form>
  );
}
