import { Anchor, Badge, Button, Group, MultiSelect, Stack, Table, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Plus, Search } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { get, post } from '../api/client';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { Empty, Fault, PageHead, tellDone, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { EntryWindow } from './Entry';
import { useGroups, useRoles } from './people';
import { UserPage } from './UserPage';

/** Accounts: the list, and one of them. */
export function Users(): ReactNode {
  return (
    <Switch>
      <Route path="/"><UserList /></Route>
      <Route path="/:id">{(params) => <UserPage id={params.id} key={params.id} />}</Route>
    </Switch>
  );
}

function UserList(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const may = useMay();
  const [text, setText] = useState('');
  const [q] = useDebouncedValue(text.trim(), 200);
  const [isMaking, setIsMaking] = useState(false);
  const users = useInfiniteQuery({
    queryKey: ['people', 'users', 'list', q],
    queryFn: ({ pageParam, signal }) => get('/api/v1/users', { query: { limit: 50, q, cursor: pageParam }, signal }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: keepPreviousData,
  });
  const rows = users.data?.pages.flatMap((page) => page.items) ?? [];
  const total = users.data?.pages[0]?.total;
  return (
    <>
      <PageHead title={words.users} about={total === undefined || total === null ? null : words.accounts(total, format.number(total))}>
        {may('platform.users:create') && <Button leftSection={<Plus size={16} />} onClick={() => setIsMaking(true)}>{words.newUser}</Button>}
      </PageHead>
      <Stack gap="sm">
        <TextInput maw={360} type="search" aria-label={words.search} placeholder={words.search} leftSection={<Search size={16} />} value={text} onChange={(e) => setText(e.currentTarget.value)} />
        {users.isLoading ? <Waiting /> : users.error && rows.length === 0 ? <Fault error={users.error} retry={() => void users.refetch()} /> : rows.length === 0 ? <Empty title={words.noMatches} hint={words.noMatchesHint} /> : (
          <Table.ScrollContainer minWidth={680}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>{words.name}</Table.Th><Table.Th>{words.email}</Table.Th><Table.Th>{words.status}</Table.Th><Table.Th>{words.roles}</Table.Th><Table.Th>{words.createdAt}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {rows.map((u) => (
                  <Table.Tr key={u.id}>
                    <Table.Td><Anchor component={Link} href={`/${encodeURIComponent(u.id)}`} fw={600}>{u.displayName}</Anchor>{u.displayName !== u.username && <Text size="xs" c="dimmed">{u.username}</Text>}</Table.Td>
                    <Table.Td>{u.email}</Table.Td>
                    <Table.Td><Badge variant="light" color={colourOf(u.status ?? '')}>{words.accountStatus(u.status ?? '')}</Badge></Table.Td>
                    <Table.Td><Group gap={4}>{u.effectiveRoles.map((role) => <Badge key={role} variant="default">{role}</Badge>)}</Group></Table.Td>
                    <Table.Td title={u.createdAt ? format.instant(u.createdAt) : undefined}>{u.createdAt && format.ago(u.createdAt)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
        {users.hasNextPage && <Button variant="light" onClick={() => void users.fetchNextPage()} loading={users.isFetchingNextPage}>{words.more}</Button>}
      </Stack>
      {isMaking && <NewUser close={() => setIsMaking(false)} />}
    </>
  );
}

function NewUser({ close }: { close: () => void }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const roles = useRoles();
  const groups = useGroups();
  const [, go] = useLocation();
  return (
    <EntryWindow title={words.newUser} confirm={words.create} close={close} initial={{ username: '', displayName: '', email: '', password: '', roles: ['user'], groups: [] as string[] }}
      submit={async ({ username, displayName, email, password, ...rest }, isThere) => {
        const made = await post('/api/v1/users', { body: { username, password, mustChangePassword: true, ...(displayName ? { displayName } : {}), ...(email ? { email } : {}), ...rest } });
        tellDone(words.created);
        void client.invalidateQueries({ queryKey: ['people'] });
        if (isThere()) go(`/${encodeURIComponent(made.id)}`);
      }}>
      {({ values, set, errorOf }) => (
        <>
          <TextInput label={words.accountName} withAsterisk autoComplete="off" value={values.username} error={errorOf('/username')} onChange={(e) => set({ username: e.currentTarget.value })} data-autofocus />
          <TextInput label={words.displayName} autoComplete="off" value={values.displayName} error={errorOf('/displayName')} onChange={(e) => set({ displayName: e.currentTarget.value })} />
          <TextInput label={words.email} type="email" autoComplete="off" value={values.email} error={errorOf('/email')} onChange={(e) => set({ email: e.currentTarget.value })} />
          <TextInput type="password" label={words.password} description={words.setPasswordHint} withAsterisk autoComplete="new-password" value={values.password} error={errorOf('/password')} onChange={(e) => set({ password: e.currentTarget.value })} />
          {roles.data && <MultiSelect searchable label={words.roles} data={roles.data.map((r) => r.name)} value={values.roles} error={errorOf('/roles')} onChange={(chosen) => set({ roles: chosen })} />}
          {groups.data && groups.data.length > 0 && <MultiSelect searchable label={words.groups} data={groups.data.map((g) => g.name)} value={values.groups} error={errorOf('/groups')} onChange={(chosen) => set({ groups: chosen })} />}
        </>
      )}
    </EntryWindow>
  );
}
