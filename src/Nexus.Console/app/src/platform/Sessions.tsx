import { Badge, Button, Group, Table, Text, Title, VisuallyHidden } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { get, remove } from '../api/http';
import { useFormat } from '../kinds/useFormat';
import { Fault, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import type { List } from './people';

interface Session { id: string; method: string; current: boolean; createdAt: string; lastUsedAt: string; expiresAt: string; address?: string; userAgent?: string; client?: string }

/** Where somebody is signed in, with the means to end it; one's own where no path of another's sessions is given. */
export function Sessions({ path, mayEnd }: { path: string; mayEnd: boolean }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const client = useQueryClient();
  const sessions = useQuery({ queryKey: ['people', 'sessions', path], queryFn: async () => (await get<List<Session>>(path)).items });
  const end = async (id: string): Promise<void> => {
    try {
      await remove(path + id);
      tellDone(words.done);
    } catch (fault) {
      tellFault(fault, words);
    }
    await client.invalidateQueries({ queryKey: ['people', 'sessions', path] });
  };
  const isOwn = sessions.data?.some((s) => s.current) === true;
  return (
    <section aria-label={words.sessions}>
      <Group justify="space-between" mb="xs">
        <Title order={2}>{words.sessions}</Title>
        {mayEnd && (sessions.data?.length ?? 0) > (isOwn ? 1 : 0) && <Button size="compact-sm" variant="light" color="red" onClick={() => void end('')}>{isOwn ? words.endOthers : words.endAll}</Button>}
      </Group>
      {sessions.isLoading ? <Waiting lines={3} /> : sessions.error ? <Fault error={sessions.error} retry={() => void sessions.refetch()} /> : sessions.data?.length === 0 ? <Text c="dimmed" size="sm">{words.noSessions}</Text> : (
        <Table.ScrollContainer minWidth={560}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{words.device}</Table.Th><Table.Th>{words.since}</Table.Th><Table.Th>{words.lastUsed}</Table.Th><Table.Th>{words.validUntil}</Table.Th><Table.Th><VisuallyHidden>{words.actions}</VisuallyHidden></Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {sessions.data?.map((s) => (
                <Table.Tr key={s.id}>
                  <Table.Td><Text size="sm" lineClamp={1} title={s.userAgent}>{s.client ?? deviceOf(s.userAgent)}</Text><Text size="xs" c="dimmed">{[s.method, s.address].filter(Boolean).join(' · ')}</Text></Table.Td>
                  <Table.Td title={format.instant(s.createdAt)}>{format.ago(s.createdAt)}</Table.Td>
                  <Table.Td title={format.instant(s.lastUsedAt)}>{format.ago(s.lastUsedAt)}</Table.Td>
                  <Table.Td>{format.instant(s.expiresAt)}</Table.Td>
                  <Table.Td ta="end">{s.current ? <Badge variant="light">{words.thisSession}</Badge> : mayEnd && <Button size="compact-sm" variant="subtle" color="red" aria-label={`${words.endSession}: ${deviceOf(s.userAgent)}, ${format.instant(s.createdAt)}`} onClick={() => void end(`/${encodeURIComponent(s.id)}`)}>{words.endSession}</Button>}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </section>
  );
}

/** "Chrome, Linux" of what a browser says of itself; a program's own name as it is. */
function deviceOf(agent: string | undefined): string {
  if (!agent) return '–';
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent)?.[1];
  return [{ Edg: 'Edge', OPR: 'Opera' }[browser ?? ''] ?? browser, system].filter(Boolean).join(', ') || agent.slice(0, 40);
}
