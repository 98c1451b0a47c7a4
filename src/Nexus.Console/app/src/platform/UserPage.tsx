import { Alert, Anchor, Autocomplete, Badge, Breadcrumbs, Button, Card, Grid, Group, Menu, MultiSelect, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronDown, CircleCheck, CircleX, Pencil } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { get, post, put, remove } from '../api/client';
import type { CoreIdentityDecisionView } from '../api/contract';
import { Problem } from '../api/http';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { ask } from '../resources/ask';
import { Empty, Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useIsThere } from '../shell/useIsThere';
import { useWords } from '../words';
import { Entry, EntryWindow } from './Entry';
import { useGroups, usePermissionNames, useRoles, type Account } from './people';
import { Sessions } from './Sessions';

/** One account: who it is, what it may do and why, where it is signed in. */
export function UserPage({ id }: { id: string }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const may = useMay();
  const [window, setWindow] = useState<'edit' | 'password' | null>(null);
  const account = useQuery({ queryKey: ['people', 'users', id], queryFn: () => get('/api/v1/users/{id}', { path: { id } }) });
  const user = account.data;
  if (account.error instanceof Problem && account.error.status === 404) return <><Trail last={id} /><Empty isPage title={words.gone} hint={words.goneHint} /></>;
  if (!user) return account.error ? <Fault error={account.error} retry={() => void account.refetch()} /> : <Waiting />;
  const close = (): void => setWindow(null);
  return (
    <>
      <Trail last={user.displayName} />
      <PageHead title={user.displayName} about={[user.username, user.email].filter(Boolean).join(' · ')}>
        <Badge size="lg" variant="light" color={colourOf(user.status ?? '')}>{words.accountStatus(user.status ?? '')}</Badge>
        {may('platform.users:update') && <Button leftSection={<Pencil size={16} />} onClick={() => setWindow('edit')}>{words.edit}</Button>}
        <Doings user={user} setPassword={() => setWindow('password')} />
      </PageHead>
      {user.lockedUntil && <Alert color="yellow" variant="light" mb="md">{words.lockedUntil(format.instant(user.lockedUntil))}</Alert>}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Card withBorder>
            <Stack gap="sm">
              <Names title={words.roles} names={user.roles} page="roles" />
              <Names title={words.byGroups} names={user.effectiveRoles.filter((role) => !user.roles.includes(role))} page="roles" />
              <Names title={words.groups} names={user.groups} page="groups" />
              {user.createdAt && <div><Text size="sm" c="dimmed">{words.createdAt}</Text><Text>{format.instant(user.createdAt)}</Text></div>}
              <div><Text size="sm" c="dimmed">{words.id}</Text><Text className="figures" size="sm">{user.id}</Text></div>
            </Stack>
          </Card>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }}><Why user={user} /></Grid.Col>
        <Grid.Col span={12}><Sessions user={id} mayEnd={may('platform.users:update')} /></Grid.Col>
      </Grid>
      {window === 'edit' && <EditUser user={user} close={close} />}
      {window === 'password' && (
        <EntryWindow title={`${words.setPassword}: ${user.displayName}`} confirm={words.save} close={close} initial={{ password: '' }} submit={async (values) => { await put('/api/v1/users/{id}/password', { path: { id }, body: values }); tellDone(words.saved); }}>
          {({ values, set, errorOf }) => <TextInput type="password" label={words.newPassword} description={words.setPasswordHint} withAsterisk autoComplete="new-password" value={values.password} error={errorOf('/password')} onChange={(e) => set({ password: e.currentTarget.value })} data-autofocus />}
        </EntryWindow>
      )}
    </>
  );
}

function Trail({ last }: { last: string }): ReactNode {
  const words = useWords();
  return <Breadcrumbs mb="xs" fz="sm"><Anchor component={Link} href="/">{words.users}</Anchor><Text span size="sm" c="dimmed" lineClamp={1}>{last}</Text></Breadcrumbs>;
}

function Names({ title, names, page }: { title: string; names: string[]; page: 'roles' | 'groups' }): ReactNode {
  const words = useWords();
  const isLinked = useMay()(`platform.${page}:read`);
  return (
    <div>
      <Text size="sm" c="dimmed">{title}</Text>
      {names.length === 0 ? <Text>{words.none}</Text> : <Group gap="xs">{names.map((name) => (isLinked ? <Anchor key={name} component={Link} href={`~/console/${page}/${name}`}>{name}</Anchor> : <Text key={name}>{name}</Text>))}</Group>}
    </div>
  );
}

function EditUser({ user, close }: { user: Account; close: () => void }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const roles = useRoles();
  const groups = useGroups();
  return (
    <EntryWindow title={`${words.edit}: ${user.displayName}`} confirm={words.save} close={close} initial={{ displayName: user.displayName, email: user.email ?? '', roles: user.roles, groups: user.groups }}
      submit={async ({ email, ...rest }) => {
        await put('/api/v1/users/{id}', { path: { id: user.id }, body: { ...rest, ...(email ? { email } : {}) } });
        tellDone(words.saved);
        await client.invalidateQueries({ queryKey: ['people'] });
      }}>
      {({ values, set, errorOf }) => (
        <>
          <TextInput label={words.displayName} withAsterisk value={values.displayName} error={errorOf('/displayName')} onChange={(e) => set({ displayName: e.currentTarget.value })} data-autofocus />
          <TextInput label={words.email} type="email" value={values.email} error={errorOf('/email')} onChange={(e) => set({ email: e.currentTarget.value })} />
          {roles.data && <MultiSelect searchable label={words.roles} data={roles.data.map((r) => r.name)} value={values.roles} error={errorOf('/roles')} onChange={(chosen) => set({ roles: chosen })} />}
          {groups.data && groups.data.length > 0 && <MultiSelect searchable label={words.groups} data={groups.data.map((g) => g.name)} value={values.groups} error={errorOf('/groups')} onChange={(chosen) => set({ groups: chosen })} />}
        </>
      )}
    </EntryWindow>
  );
}

/** What an administrator does with an account beyond its fields. */
function Doings({ user, setPassword }: { user: Account; setPassword: () => void }): ReactNode {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const isThere = useIsThere();
  const [, go] = useLocation();
  const path = { id: user.id };
  const run = async (title: string, text: string | null, work: () => Promise<unknown>): Promise<boolean> => {
    if (text !== null && !(await ask({ title: `${title}: ${user.displayName}`, text, confirm: title, cancel: words.cancel, isDangerous: true }))) return false;
    try {
      await work();
      tellDone(`${title}: ${words.done}`);
    } catch (fault) {
      tellFault(fault, words);
      return false;
    }
    return true;
  };
  const change = async (title: string, text: string | null, work: () => Promise<unknown>): Promise<void> => {
    if (await run(title, text, work)) await client.invalidateQueries({ queryKey: ['people'] });
  };
  const erase = async (): Promise<void> => {
    if (!(await run(words.delete, words.deleteUserExplained, () => remove('/api/v1/users/{id}', { path })))) return;
    if (isThere()) go('/');
    await client.invalidateQueries({ queryKey: ['people', 'users', 'list'] });
  };
  if (!may('platform.users:update') && !may('platform.users:delete')) return null;
  return (
    <Menu position="bottom-end">
      <Menu.Target><Button variant="default" rightSection={<ChevronDown size={16} />}>{words.actions}</Button></Menu.Target>
      <Menu.Dropdown>
        {may('platform.users:update') && (
          <>
            <Menu.Item onClick={setPassword}>{words.setPassword}</Menu.Item>
            <Menu.Item onClick={() => void change(words.resetFactor, words.resetFactorExplained, () => remove('/api/v1/users/{user}/2fa', { path: { user: user.id } }))}>{words.resetFactor}</Menu.Item>
            {user.status === 'locked' && <Menu.Item onClick={() => void change(words.unlock, null, () => post('/api/v1/users/{id}/unlock', { path }))}>{words.unlock}</Menu.Item>}
            {user.status === 'disabled'
              ? <Menu.Item onClick={() => void change(words.enable, null, () => put('/api/v1/users/{id}', { path, body: { disabled: false } }))}>{words.enable}</Menu.Item>
              : <Menu.Item onClick={() => void change(words.disable, words.disableUserExplained, () => put('/api/v1/users/{id}', { path, body: { disabled: true } }))}>{words.disable}</Menu.Item>}
          </>
        )}
        {may('platform.users:delete') && <Menu.Item color="red" onClick={() => void erase()}>{words.delete}</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}

/** "Why may this person do that?", answered by the policy that decides when it is tried. */
function Why({ user }: { user: Account }): ReactNode {
  const words = useWords();
  const names = usePermissionNames();
  const [answer, setAnswer] = useState<CoreIdentityDecisionView | null>(null);
  const Icon = answer?.allowed ? CircleCheck : CircleX;
  return (
    <Card withBorder component="section" aria-label={words.why}>
      <Title order={2} mb={4}>{words.why}</Title>
      <Text size="sm" c="dimmed" mb="sm">{words.whyHint}</Text>
      <Entry initial={{ permission: '' }} confirm={words.check} submit={async ({ permission }) => {
        setAnswer(null);
        const told = await post('/api/v1/auth/check-permissions', { body: { user: user.id, permissions: [permission.trim()] } });
        setAnswer(told.results[0] ?? null);
      }}>
        {({ values, set, errorOf }) => <Autocomplete label={words.permission} placeholder="orders.orders:read" data={names} limit={50} value={values.permission} error={errorOf('/permissions')} onChange={(permission) => set({ permission })} />}
      </Entry>
      {answer && (
        <Alert mt="md" role="status" variant="light" color={answer.allowed ? 'teal' : 'gray'} icon={<Icon size={18} />} title={`${answer.permission}: ${answer.allowed ? words.allowed : words.notAllowed}`}>
          <Text size="sm">{answer.reason}</Text>
          {answer.role && <Text size="sm">{words.decidedByRole} <Anchor component={Link} href={`~/console/roles/${answer.role}`} inherit>{answer.role}</Anchor></Text>}
          {answer.policy && <Text size="sm">{words.decidedByPolicy} {answer.policy}</Text>}
          <Text size="sm">{words.onRecords} {words.scopeOf(answer.scope)}</Text>
        </Alert>
      )}
    </Card>
  );
}
