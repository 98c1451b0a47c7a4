import { Badge, Button, Group, Table, Text, Title, VisuallyHidden } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { get, remove } from '../api/client';
import { useFormat } from '../kinds/useFormat';
import { Fault, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';


/** Where somebody is signed in, with the means to end it; one's own where nobody is named. */
export function Sessions({ user, mayEnd }: { user?: string; mayEnd: boolean }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const client = useQueryClient();
  const key = ['people', 'sessions', user ?? 'own'];
  const sessions = useQuery({ queryKey: key, queryFn: async () => (user === undefined ? await get('/api/v1/auth/sessions') : await get('/api/v1/users/{id}/sessions', { path: { id: user } })).items });
  const end = async (session: string | null): Promise<void> => {
    try {
      if (user === undefined) await (session === null ? remove('/api/v1/auth/sessions') : remove('/api/v1/auth/sessions/{id}', { path: { id: session } }));
      else await (session === null ? remove('/api/v1/users/{id}/sessions', { path: { id: user } }) : remove('/api/v1/users/{id}/sessions/{session}', { path: { id: user, session } }));
      tellDone(words.done);
    } catch (fault) {
      tellFault(fault, words);
    }
    await client.invalidateQueries({ queryKey: key });
  };
  const isOwn = sessions.data?.some((s) => s.current) === true;
  return (
    <section aria-label={words.sessions}>
      <Group justify="space-between" mb="xs">
        <Title order={2}>{words.sessions}</Title>
        {mayEnd && (sessions.data?.length ?? 0) > (isOwn ? 1 : 0) && <Button size="compact-sm" variant="light" color="red" onClick={() => void end(null)}>{isOwn ? words.endOthers : words.endAll}</Button>}
      </Group>
      {sessions.isLoading ? <Waiting lines={3} /> : sessions.error ? <Fault error={sessions.error} retry={() => void sessions.refetch()} /> : sessions.data?.length === 0 ? <Text c="dimmed" size="sm">{words.noSessions}</Text> : (
        <Table.ScrollContainer minWidth={560}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{words.device}</Table.Th><Table.Th>{words.since}</Table.Th><Table.Th>{words.lastUsed}</Table.Th><Table.Th>{words.validUntil}</Table.Th><Table.Th><VisuallyHidden>{words.actions}</VisuallyHidden></Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {sessions.data?.map((s) => (
                <Table.Tr key={s.id}>
                  <Table.Td><Text size="sm" lineClamp={1} title={s.userAgent ?? undefined}>{s.client ?? deviceOf(s.userAgent)}</Text><Text size="xs" c="dimmed">{[s.method, s.address].filter(Boolean).join(' · ')}</Text></Table.Td>
                  <Table.Td title={format.instant(s.createdAt)}>{format.ago(s.createdAt)}</Table.Td>
                  <Table.Td title={format.instant(s.lastUsedAt)}>{format.ago(s.lastUsedAt)}</Table.Td>
                  <Table.Td>{format.instant(s.expiresAt)}</Table.Td>
                  <Table.Td ta="end">{s.current ? <Badge variant="light">{words.thisSession}</Badge> : mayEnd && <Button size="compact-sm" variant="subtle" color="red" aria-label={`${words.endSession}: ${deviceOf(s.userAgent)}, ${format.instant(s.createdAt)}`} onClick={() => void end(s.id)}>{words.endSession}</Button>}</Table.Td>
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
function deviceOf(agent: string | null | undefined): string {
  if (!agent) return '–';
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent)?.[1];
  return [{ Edg: 'Edge', OPR: 'Opera' }[browser ?? ''] ?? browser, system].filter(Boolean).join(', ') || agent.slice(0, 40);
}
