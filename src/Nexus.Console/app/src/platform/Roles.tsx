import { Anchor, Badge, Breadcrumbs, Button, Card, Code, Group, MultiSelect, Select, Stack, Table, TagsInput, Text, TextInput, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Pencil, Plus, Trash2 } from 'lucide-react';
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
import { choiceLimit, useEverybody, usePermissionNames, useRoles, type Role } from './people';

/** Roles: the list, and one of them. */
export function Roles(): ReactNode {
  return (
    <Switch>
      <Route path="/"><RoleList /></Route>
      <Route path="/:name">{(params) => <RolePage name={params.name} key={params.name} />}</Route>
    </Switch>
  );
}

function RoleList(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const may = useMay();
  const [isMaking, setIsMaking] = useState(false);
  const roles = useRoles();
  return (
    <>
      <PageHead title={words.roles} about={words.rolesHint}>
        {may('platform.roles:create') && <Button leftSection={<Plus size={16} />} onClick={() => setIsMaking(true)}>{words.newRole}</Button>}
      </PageHead>
      {roles.isLoading ? <Waiting /> : roles.error ? <Fault error={roles.error} retry={() => void roles.refetch()} /> : (
        <Table.ScrollContainer minWidth={640}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{words.name}</Table.Th><Table.Th>{words.description}</Table.Th><Table.Th>{words.permissions}</Table.Th><Table.Th ta="end">{words.users}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {roles.data?.map((role) => (
                <Table.Tr key={role.name}>
                  <Table.Td><Group gap="xs"><Anchor component={Link} href={`/${role.name}`} fw={600}>{role.name}</Anchor>{role.builtIn && <Badge variant="default">{words.builtIn}</Badge>}</Group></Table.Td>
                  <Table.Td>{role.description}</Table.Td>
                  <Table.Td><Text size="sm" lineClamp={2}>{[...role.permissions, ...role.inherits.map((one) => `${words.inherits}: ${one}`)].join(', ')}</Text></Table.Td>
                  <Table.Td ta="end" className="figures">{format.number(role.users)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {isMaking && <RoleWindow close={() => setIsMaking(false)} />}
    </>
  );
}

function RolePage({ name }: { name: string }): ReactNode {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [, go] = useLocation();
  const isThere = useIsThere();
  const [isEditing, setIsEditing] = useState(false);
  const found = useQuery({ queryKey: ['people', 'roles', name], queryFn: () => get('/api/v1/roles/{name}', { path: { name } }) });
  const trail = <Breadcrumbs mb="xs" fz="sm"><Anchor component={Link} href="/">{words.roles}</Anchor><Text span size="sm" c="dimmed">{name}</Text></Breadcrumbs>;
  if (found.error instanceof Problem && found.error.status === 404) return <>{trail}<Empty isPage title={words.gone} hint={words.goneHint} /></>;
  const role = found.data;
  if (!role) return found.error ? <Fault error={found.error} retry={() => void found.refetch()} /> : <Waiting />;
  const erase = async (): Promise<void> => {
    if (!(await ask({ title: words.deleteQuestion(name), text: words.deleteRoleExplained, confirm: words.delete, cancel: words.cancel, isDangerous: true }))) return;
    try {
      await remove('/api/v1/roles/{name}', { path: { name } });
      tellDone(words.deleted(1));
      if (isThere()) go('/');
      await client.invalidateQueries({ queryKey: ['people', 'roles'], exact: true });
    } catch (fault) {
      tellFault(fault, words);
    }
  };
  return (
    <>
      {trail}
      <PageHead title={name} about={role.description}>
        {role.builtIn && <Badge size="lg" variant="default">{words.builtIn}</Badge>}
        {may('platform.roles:update') && name !== 'admin' && <Button leftSection={<Pencil size={16} />} onClick={() => setIsEditing(true)}>{words.edit}</Button>}
        {may('platform.roles:delete') && !role.builtIn && <Button variant="light" color="red" leftSection={<Trash2 size={16} />} onClick={() => void erase()}>{words.delete}</Button>}
      </PageHead>
      <Stack gap="lg">
        <Card withBorder component="section" aria-label={words.permissions}>
          <Title order={2} mb="xs">{words.permissions}</Title>
          {role.permissions.length === 0 ? <Text c="dimmed">{words.none}</Text> : <Group gap="xs">{role.permissions.map((one) => <Code key={one}>{one}</Code>)}</Group>}
          {role.inherits.length > 0 && <Text mt="sm" size="sm">{words.inherits}: {role.inherits.map((one, index) => <span key={one}>{index > 0 && ', '}<Anchor component={Link} href={`/${one}`} inherit>{one}</Anchor></span>)}</Text>}
        </Card>
        {may('platform.users:read') && <RoleMembers role={role} />}
      </Stack>
      {isEditing && <RoleWindow role={role} close={() => setIsEditing(false)} />}
    </>
  );
}

function RoleMembers({ role }: { role: Role }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const everybody = useEverybody();
  const may = useMay();
  const client = useQueryClient();
  const all = everybody.data?.items ?? [];
  const members = all.filter((u) => u.effectiveRoles.includes(role.name));
  const others = all.filter((u) => !u.roles.includes(role.name));
  const add = async (id: string): Promise<void> => {
    try {
      // What they have now, not when this page was opened: a role that was taken away since stays away.
      const { roles } = await get('/api/v1/users/{id}', { path: { id } });
      await put('/api/v1/users/{id}', { path: { id }, body: { roles: [...new Set([...roles, role.name])] } });
      tellDone(words.saved);
    } catch (fault) {
      tellFault(fault, words);
    }
    await client.invalidateQueries({ queryKey: ['people'] });
  };
  return (
    <section aria-label={words.members}>
      <Title order={2} mb="xs">{words.members}</Title>
      {everybody.isLoading ? <Waiting lines={2} /> : everybody.error ? <Fault error={everybody.error} /> : (everybody.data?.total ?? 0) > choiceLimit ? <Text>{words.accounts(role.users, format.number(role.users))}</Text> : members.length === 0 ? <Text c="dimmed">{words.none}</Text> : (
        <Group gap="md">{members.map((u) => <Anchor key={u.id} component={Link} href={`~/console/users/${u.id}`}>{u.displayName}</Anchor>)}</Group>
      )}
      {may('platform.users:update') && others.length > 0 && <Select mt="sm" maw={360} label={words.addMember} searchable limit={50} value={null} nothingFoundMessage={words.noMatches} data={others.map((u) => ({ value: u.id, label: u.displayName === u.username ? u.username : `${u.displayName} (${u.username})` }))} onChange={(id) => { if (id) void add(id); }} />}
    </section>
  );
}

function RoleWindow({ role, close }: { role?: Role; close: () => void }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const roles = useRoles();
  const names = usePermissionNames();
  const [, go] = useLocation();
  return (
    <EntryWindow title={role ? `${words.edit}: ${role.name}` : words.newRole} confirm={role ? words.save : words.create} close={close} initial={{ name: role?.name ?? '', description: role?.description ?? '', permissions: role?.permissions ?? [], inherits: role?.inherits ?? [] }}
      submit={async ({ name, ...rest }, isThere) => {
        const made = role ? await put('/api/v1/roles/{name}', { path: { name: role.name }, body: rest }) : await post('/api/v1/roles', { body: { name, ...rest } });
        tellDone(role ? words.saved : words.created);
        await client.invalidateQueries({ queryKey: ['people'] });
        if (!role && isThere()) go(`/${made.name}`);
      }}>
      {({ values, set, errorOf }) => (
        <>
          {!role && <TextInput label={words.name} withAsterisk autoComplete="off" value={values.name} error={errorOf('/name')} onChange={(e) => set({ name: e.currentTarget.value })} data-autofocus />}
          <TextInput label={words.description} value={values.description} error={errorOf('/description')} onChange={(e) => set({ description: e.currentTarget.value })} />
          <TagsInput label={words.permissions} description={words.permissionsHint} data={names} limit={50} maxDropdownHeight={240} acceptValueOnBlur value={values.permissions} error={errorOf('/permissions')} onChange={(permissions) => set({ permissions })} />
          <MultiSelect searchable label={words.inherits} data={(roles.data ?? []).map((r) => r.name).filter((one) => one !== role?.name)} value={values.inherits} error={errorOf('/inherits')} onChange={(inherits) => set({ inherits })} />
        </>
      )}
    </EntryWindow>
  );
}
