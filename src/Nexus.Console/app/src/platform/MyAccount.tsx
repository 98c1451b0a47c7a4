import { Alert, Badge, Button, Card, Code, Grid, Group, Image, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { get, post, put, remove } from '../api/client';
import type { CoreIdentityPasskeyView, CoreIdentityTwoFactorSecret } from '../api/contract';
import { canUsePasskeys, registerPasskey } from '../api/passkeys';
import { changePassword, useUser, type User } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { ask } from '../resources/ask';
import { Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Entry, EntryWindow } from './Entry';
import { Sessions } from './Sessions';

/** What everybody changes of the own account. */
export function MyAccount(): ReactNode {
  const words = useWords();
  const user = useUser();
  if (!user.data) return user.error ? <Fault error={user.error} retry={() => void user.refetch()} /> : <Waiting />;
  return (
    <>
      <PageHead title={words.account} about={[user.data.username, user.data.effectiveRoles.join(', ')].filter(Boolean).join(' · ')} />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 6 }}><Profile user={user.data} /></Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}><Password /></Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}><SecondFactor /></Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}><Passkeys /></Grid.Col>
        <Grid.Col span={12}><Sessions mayEnd /></Grid.Col>
      </Grid>
    </>
  );
}

function Section({ title, hint, children }: { title: string; hint?: string; children: ReactNode }): ReactNode {
  return <Card withBorder component="section" aria-label={title} h="100%"><Title order={2}>{title}</Title>{hint && <Text size="sm" c="dimmed">{hint}</Text>}<Stack mt="sm" gap="sm">{children}</Stack></Card>;
}

function Profile({ user }: { user: User }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  return (
    <Section title={words.profile}>
      <Entry initial={{ displayName: user.displayName, email: user.email ?? '' }} confirm={words.save} submit={async ({ displayName, email }) => {
        await put('/api/v1/auth/me', { body: { displayName, ...(email ? { email } : {}) } });
        tellDone(words.saved);
        await client.invalidateQueries({ queryKey: ['me'] });
      }}>
        {({ values, set, errorOf }) => (
          <>
            <TextInput label={words.displayName} autoComplete="name" value={values.displayName} error={errorOf('/displayName')} onChange={(e) => set({ displayName: e.currentTarget.value })} />
            <TextInput label={words.email} type="email" autoComplete="email" value={values.email} error={errorOf('/email')} onChange={(e) => set({ email: e.currentTarget.value })} />
          </>
        )}
      </Entry>
    </Section>
  );
}

function Password(): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  // A form that was taken begins anew: passwords do not stay in it.
  const [times, setTimes] = useState(0);
  return (
    <Section title={words.password} hint={words.passwordChangeHint}>
      <Entry key={times} initial={{ currentPassword: '', newPassword: '' }} confirm={words.changePassword} submit={async ({ currentPassword, newPassword }) => {
        await changePassword(currentPassword, newPassword);
        tellDone(words.saved);
        setTimes(times + 1);
        await client.invalidateQueries({ queryKey: ['people', 'sessions'] });
      }}>
        {({ values, set, errorOf }) => (
          <>
            <TextInput type="password" label={words.currentPassword} autoComplete="current-password" value={values.currentPassword} onChange={(e) => set({ currentPassword: e.currentTarget.value })} />
            <TextInput type="password" label={words.newPassword} autoComplete="new-password" value={values.newPassword} error={errorOf('/new_password')} onChange={(e) => set({ newPassword: e.currentTarget.value })} />
          </>
        )}
      </Entry>
    </Section>
  );
}


function SecondFactor(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const client = useQueryClient();
  const [secret, setSecret] = useState<CoreIdentityTwoFactorSecret | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const [proof, setProof] = useState<'disable' | 'backup-codes' | null>(null);
  const state = useQuery({ queryKey: ['people', 'factor'], queryFn: () => get('/api/v1/auth/2fa') });
  const again = (): Promise<void> => client.invalidateQueries({ queryKey: ['people', 'factor'] });
  const begin = async (): Promise<void> => {
    try {
      setSecret(await post('/api/v1/auth/2fa/enable'));
    } catch (fault) {
      tellFault(fault, words);
    }
  };
  const factor = state.data;
  if (!factor) return <Section title={words.secondFactor}>{state.error ? <Fault error={state.error} retry={() => void state.refetch()} /> : <Waiting lines={2} />}</Section>;
  return (
    <Section title={words.secondFactor} hint={words.secondFactorHint}>
      {factor.enabled ? (
        <Group gap="xs"><Badge color="teal" variant="light">{words.factorOn}</Badge><Text size="sm">{factor.enabledAt && format.instant(factor.enabledAt)} · {words.backupCodesLeft(factor.backupCodesLeft)}</Text></Group>
      ) : !secret && <Badge color="gray" variant="light">{words.factorOff}</Badge>}
      {codes && (
        <Alert color="teal" variant="light" role="status" title={words.backupCodes} withCloseButton closeButtonLabel={words.close} onClose={() => setCodes(null)}>
          <Text size="sm" mb="xs">{words.backupCodesHint}</Text>
          <Code block className="lines">{codes.join('\n')}</Code>
        </Alert>
      )}
      {secret && (
        <>
          <Text size="sm">{words.scanCode}</Text>
          <Image src={secret.qrPng} alt={words.qrCode} w={196} h={196} fit="contain" />
          <Text size="sm">{words.orType} <Code data-secret>{secret.secret}</Code></Text>
          <Entry initial={{ code: '' }} confirm={words.turnOn} cancel={() => setSecret(null)} submit={async (values) => {
            const told = await post('/api/v1/auth/2fa/verify', { body: values });
            setSecret(null);
            setCodes(told.codes);
            await again();
          }}>
            {({ values, set, errorOf }) => <TextInput label={words.codeShown} inputMode="numeric" autoComplete="one-time-code" value={values.code} error={errorOf('/code')} onChange={(e) => set({ code: e.currentTarget.value.trim() })} />}
          </Entry>
        </>
      )}
      {factor.enabled
        ? <Group gap="xs"><Button variant="default" onClick={() => setProof('backup-codes')}>{words.newBackupCodes}</Button><Button variant="light" color="red" onClick={() => setProof('disable')}>{words.turnOff}</Button></Group>
        : !secret && <Button w="fit-content" onClick={() => void begin()}>{words.setUp}</Button>}
      {proof && (
        <EntryWindow title={proof === 'disable' ? words.turnOffFactor : words.newBackupCodes} confirm={proof === 'disable' ? words.turnOff : words.create} isDangerous={proof === 'disable'} close={() => setProof(null)} initial={{ code: '' }} submit={async (values) => {
          if (proof === 'disable') await post('/api/v1/auth/2fa/disable', { body: values });
          setCodes(proof === 'disable' ? null : (await post('/api/v1/auth/2fa/backup-codes', { body: values })).codes);
          await again();
        }}>
          {({ values, set, errorOf }) => <TextInput label={words.code} autoComplete="one-time-code" value={values.code} error={errorOf('/code')} onChange={(e) => set({ code: e.currentTarget.value.trim() })} data-autofocus />}
        </EntryWindow>
      )}
    </Section>
  );
}


function Passkeys(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const client = useQueryClient();
  const [isAdding, setIsAdding] = useState(false);
  const passkeys = useQuery({ queryKey: ['people', 'passkeys'], queryFn: async () => (await get('/api/v1/auth/passkeys')).items });
  const again = (): Promise<void> => client.invalidateQueries({ queryKey: ['people', 'passkeys'] });
  const erase = async (passkey: CoreIdentityPasskeyView): Promise<void> => {
    if (!(await ask({ title: `${words.remove}: ${passkey.name ?? words.passkeyUnnamed}`, text: words.passkeyRemoveExplained, confirm: words.remove, cancel: words.cancel, isDangerous: true }))) return;
    try {
      await remove('/api/v1/auth/passkeys/{id}', { path: { id: passkey.id } });
      tellDone(words.done);
    } catch (fault) {
      tellFault(fault, words);
    }
    await again();
  };
  return (
    <Section title={words.passkeys} hint={words.passkeysHint}>
      {passkeys.isLoading ? <Waiting lines={2} /> : passkeys.error ? <Fault error={passkeys.error} retry={() => void passkeys.refetch()} /> : passkeys.data?.map((one) => (
        <Group key={one.id} justify="space-between" wrap="nowrap">
          <div><Text size="sm" fw={600}>{one.name ?? words.passkeyUnnamed}</Text><Text size="xs" c="dimmed">{format.instant(one.createdAt)}</Text></div>
          <Button size="compact-sm" variant="subtle" color="red" aria-label={`${words.remove}: ${one.name ?? words.passkeyUnnamed}`} onClick={() => void erase(one)}>{words.remove}</Button>
        </Group>
      ))}
      {canUsePasskeys() ? <Button w="fit-content" onClick={() => setIsAdding(true)}>{words.addPasskey}</Button> : <Text size="sm">{words.noPasskeysHere}</Text>}
      {isAdding && (
        <EntryWindow title={words.addPasskey} confirm={words.addPasskey} close={() => setIsAdding(false)} initial={{ name: '' }} submit={async ({ name }) => {
          await registerPasskey(name.trim());
          tellDone(words.saved);
          await again();
        }}>
          {({ values, set, errorOf }) => <TextInput label={words.passkeyName} value={values.name} error={errorOf('/name')} onChange={(e) => set({ name: e.currentTarget.value })} data-autofocus />}
        </EntryWindow>
      )}
    </Section>
  );
}
