import { ActionIcon, Anchor, Breadcrumbs, Button, Card, Group, MultiSelect, Select, Stack, Table, Text, TextInput, Title, Tooltip } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Pencil, Plus, Trash2, X } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { get, post, put, remove } from '../api/client';
import { Problem } from '../api/http';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { ask } from '../resources/ask';
import { Empty, Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useIsThere } from '../shell/useIsThere';
import { useWords } from '../words';
import { EntryWindow } from './Entry';
import { useEverybody, useGroups, useRoles, type Team } from './people';

/** Groups, which are also the teams of records: the list, and one of them. */
export function Groups(): ReactNode {
  return (
    <Switch>
      <Route path="/"><GroupList /></Route>
      <Route path="/:name">{(params) => <GroupPage name={params.name} key={params.name} />}</Route>
    </Switch>
  );
}

function GroupList(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const may = useMay();
  const [isMaking, setIsMaking] = useState(false);
  const groups = useGroups();
  const make = may('platform.groups:create') && <Button leftSection={<Plus size={16} />} onClick={() => setIsMaking(true)}>{words.newGroup}</Button>;
  return (
    <>
      <PageHead title={words.groups} about={words.groupsHint}>{groups.data?.length !== 0 && make}</PageHead>
      {groups.isLoading ? <Waiting /> : groups.error ? <Fault error={groups.error} retry={() => void groups.refetch()} /> : groups.data?.length === 0 ? <Empty title={words.noGroups} hint={words.noGroupsHint}>{make}</Empty> : (
        <Table.ScrollContainer minWidth={520}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{words.name}</Table.Th><Table.Th>{words.description}</Table.Th><Table.Th>{words.roles}</Table.Th><Table.Th ta="end">{words.members}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {groups.data?.map((group) => (
                <Table.Tr key={group.name}>
                  <Table.Td><Anchor component={Link} href={`/${group.name}`} fw={600}>{group.name}</Anchor></Table.Td>
                  <Table.Td>{group.description}</Table.Td>
                  <Table.Td>{group.roles.join(', ')}</Table.Td>
                  <Table.Td ta="end" className="figures">{format.number(group.members.length)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {isMaking && <GroupWindow close={() => setIsMaking(false)} />}
    </>
  );
}

function GroupPage({ name }: { name: string }): ReactNode {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [, go] = useLocation();
  const isThere = useIsThere();
  const [isEditing, setIsEditing] = useState(false);
  const found = useQuery({ queryKey: ['people', 'groups', name], queryFn: () => get('/api/v1/groups/{name}', { path: { name } }) });
  const trail = <Breadcrumbs mb="xs" fz="sm"><Anchor component={Link} href="/">{words.groups}</Anchor><Text span size="sm" c="dimmed">{name}</Text></Breadcrumbs>;
  if (found.error instanceof Problem && found.error.status === 404) return <>{trail}<Empty isPage title={words.gone} hint={words.goneHint} /></>;
  const group = found.data;
  if (!group) return found.error ? <Fault error={found.error} retry={() => void found.refetch()} /> : <Waiting />;
  const erase = async (): Promise<void> => {
    if (!(await ask({ title: words.deleteQuestion(name), text: words.deleteGroupExplained, confirm: words.delete, cancel: words.cancel, isDangerous: true }))) return;
    try {
      await remove('/api/v1/groups/{name}', { path: { name } });
      tellDone(words.deleted(1));
      if (isThere()) go('/');
      await client.invalidateQueries({ queryKey: ['people', 'groups'], exact: true });
    } catch (fault) {
      tellFault(fault, words);
    }
  };
  return (
    <>
      {trail}
      <PageHead title={name} about={group.description}>
        {may('platform.groups:update') && <Button leftSection={<Pencil size={16} />} onClick={() => setIsEditing(true)}>{words.edit}</Button>}
        {may('platform.groups:delete') && <Button variant="light" color="red" leftSection={<Trash2 size={16} />} onClick={() => void erase()}>{words.delete}</Button>}
      </PageHead>
      <Stack gap="lg">
        <Card withBorder component="section" aria-label={words.roles}>
          <Title order={2} mb="xs">{words.roles}</Title>
          {group.roles.length === 0 ? <Text c="dimmed">{words.none}</Text> : <Group gap="md">{group.roles.map((role) => <Anchor key={role} component={Link} href={`~/console/roles/${role}`}>{role}</Anchor>)}</Group>}
        </Card>
        <Members group={group} />
      </Stack>
      {isEditing && <GroupWindow group={group} close={() => setIsEditing(false)} />}
    </>
  );
}

function Members({ group }: { group: Team }): ReactNode {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const everybody = useEverybody();
  const mayChange = may('platform.groups:update');
  const change = async (isMember: boolean, id: string): Promise<void> => {
    try {
      await (isMember ? put : remove)('/api/v1/groups/{name}/members/{user}', { path: { name: group.name, user: id } });
      tellDone(words.saved);
    } catch (fault) {
      tellFault(fault, words);
    }
    await client.invalidateQueries({ queryKey: ['people'] });
  };
  const others = (everybody.data?.items ?? []).filter((u) => !group.members.some((m) => m.id === u.id));
  return (
    <section aria-label={words.members}>
      <Title order={2} mb="xs">{words.members}</Title>
      <Stack gap="xs" maw={560}>
        {group.members.length === 0 && <Text c="dimmed">{words.none}</Text>}
        {group.members.map((m) => (
          <Group key={m.id} justify="space-between" wrap="nowrap">
            {may('platform.users:read') ? <Anchor component={Link} href={`~/console/users/${m.id}`}>{m.displayName}</Anchor> : <Text>{m.displayName}</Text>}
            {mayChange && <Tooltip label={words.remove}><ActionIcon variant="subtle" color="gray" aria-label={`${words.remove}: ${m.displayName}`} onClick={() => void change(false, m.id)}><X size={16} /></ActionIcon></Tooltip>}
          </Group>
        ))}
        {mayChange && everybody.data && <Select label={words.addMember} searchable limit={50} value={null} nothingFoundMessage={words.noMatches} data={others.map((u) => ({ value: u.id, label: u.displayName === u.username ? u.username : `${u.displayName} (${u.username})` }))} onChange={(id) => { if (id) void change(true, id); }} />}
      </Stack>
    </section>
  );
}

function GroupWindow({ group, close }: { group?: Team; close: () => void }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const roles = useRoles();
  const [, go] = useLocation();
  return (
    <EntryWindow title={group ? `${words.edit}: ${group.name}` : words.newGroup} confirm={group ? words.save : words.create} close={close} initial={{ name: group?.name ?? '', description: group?.description ?? '', roles: group?.roles ?? [] }}
      submit={async ({ name, ...rest }, isThere) => {
        const made = group ? await put('/api/v1/groups/{name}', { path: { name: group.name }, body: rest }) : await post('/api/v1/groups', { body: { name, ...rest } });
        tellDone(group ? words.saved : words.created);
        await client.invalidateQueries({ queryKey: ['people'] });
        if (!group && isThere()) go(`/${made.name}`);
      }}>
      {({ values, set, errorOf }) => (
        <>
          {!group && <TextInput label={words.name} withAsterisk autoComplete="off" value={values.name} error={errorOf('/name')} onChange={(e) => set({ name: e.currentTarget.value })} data-autofocus />}
          <TextInput label={words.description} value={values.description} error={errorOf('/description')} onChange={(e) => set({ description: e.currentTarget.value })} />
          {roles.data && <MultiSelect searchable label={words.roles} data={roles.data.map((r) => r.name)} value={values.roles} error={errorOf('/roles')} onChange={(chosen) => set({ roles: chosen })} />}
        </>
      )}
    </EntryWindow>
  );
}
