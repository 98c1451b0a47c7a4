import { Badge, Button, Group, Menu, Table, Text, VisuallyHidden } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Ellipsis } from 'lucide-react';
import type { ReactNode } from 'react';
import { get, send } from '../api/http';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { ask } from '../resources/ask';
import { Empty, Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';

export interface PluginView { id: string; version: string; state: string; enabled: boolean; category: string; origin: string; isolation: string; generation: number; health?: { status: string; description?: string }; since: string; routes: number; previous: string[]; cause?: string }

/** Every plugin with its state, and what an operator does with it. */
export function Plugins(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const plugins = useQuery({ queryKey: ['plugins'], queryFn: () => get<PluginView[]>('/api/v1/plugins'), refetchInterval: 10_000 });
  return (
    <>
      <PageHead title={words.plugins} />
      {plugins.isLoading ? <Waiting /> : plugins.error ? <Fault error={plugins.error} retry={() => void plugins.refetch()} /> : plugins.data?.length === 0 ? <Empty title={words.noRecords} /> : (
        <Table.ScrollContainer minWidth={720}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{words.name}</Table.Th><Table.Th>{words.version}</Table.Th><Table.Th>{words.state}</Table.Th><Table.Th>{words.health}</Table.Th><Table.Th>{words.category}</Table.Th><Table.Th>{words.since}</Table.Th><Table.Th><VisuallyHidden>{words.actions}</VisuallyHidden></Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {plugins.data?.map((p) => (
                <Table.Tr key={p.id}>
                  <Table.Td><Text fw={600}>{p.id}</Text>{p.cause && <Text size="xs" c="var(--mantine-color-error)">{p.cause}</Text>}</Table.Td>
                  <Table.Td className="figures">{p.version} <Text span c="dimmed" size="xs">#{p.generation}</Text></Table.Td>
                  <Table.Td><Badge variant="light" color={colourOf(p.state)}>{p.state}</Badge></Table.Td>
                  <Table.Td>{p.health && <Badge variant="dot" color={colourOf(p.health.status)} title={p.health.description}>{p.health.status}</Badge>}</Table.Td>
                  <Table.Td>{p.category}</Table.Td>
                  <Table.Td title={format.instant(p.since)}>{format.ago(p.since)}</Table.Td>
                  <Table.Td><Doings plugin={p} /></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </>
  );
}

function Doings({ plugin }: { plugin: PluginView }): ReactNode {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const run = async (method: string, path: string, title: string, isDangerous = false): Promise<void> => {
    if (!(await ask({ title: `${title}: ${plugin.id}`, confirm: title, cancel: words.cancel, isDangerous }))) return;
    try {
      await send(method, `/api/v1/plugins/${encodeURIComponent(plugin.id)}${path}`, { body: method === 'DELETE' ? undefined : {} });
      tellDone(`${plugin.id}: ${words.done}`);
    } catch (fault) {
      tellFault(fault, words);
    }
    await client.invalidateQueries({ queryKey: ['plugins'] });
  };
  if (plugin.origin === 'core' || !(may('platform.plugins:update') || may('platform.plugins:delete'))) return null;
  return (
    <Group justify="flex-end">
      <Menu position="bottom-end">
        <Menu.Target><Button size="compact-sm" variant="subtle" color="gray" aria-label={`${words.actions}: ${plugin.id}`}><Ellipsis size={16} /></Button></Menu.Target>
        <Menu.Dropdown>
          {may('platform.plugins:update') && (plugin.enabled
            ? <><Menu.Item onClick={() => void run('POST', '/reload', words.reload)}>{words.reload}</Menu.Item><Menu.Item onClick={() => void run('POST', '/disable', words.disable, true)}>{words.disable}</Menu.Item></>
            : <Menu.Item onClick={() => void run('POST', '/enable', words.enable)}>{words.enable}</Menu.Item>)}
          {may('platform.plugins:update') && plugin.previous.length > 0 && <Menu.Item onClick={() => void run('POST', '/rollback', words.rollback)}>{words.rollback} ({plugin.previous[0]})</Menu.Item>}
          {may('platform.plugins:delete') && <Menu.Item color="red" onClick={() => void run('DELETE', '', words.uninstall, true)}>{words.uninstall}</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
