import { Alert, Badge, Button, Code, CopyButton, Group, NumberInput, SegmentedControl, Stack, Table, TagsInput, Text, TextInput, VisuallyHidden } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Copy, KeyRound, Plus } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { get, post, remove } from '../api/client';
import type { CoreIdentityKeyView as Key } from '../api/contract';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { ask } from '../resources/ask';
import { Empty, Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { EntryWindow } from './Entry';
import { useEverybody, usePermissionNames } from './people';

/** Keys by which programs act for people: one's own, and everybody's for who may change users. */
export function Keys(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const may = useMay();
  const client = useQueryClient();
  const [whose, setWhose] = useState<'own' | 'all'>('own');
  const [isMaking, setIsMaking] = useState(false);
  const [made, setMade] = useState<Key | null>(null);
  const keys = useQuery({ queryKey: ['people', 'keys', whose], queryFn: async () => (await get('/api/v1/api-keys', { query: { user: whose === 'all' ? 'all' : undefined } })).items });
  const everybody = useEverybody();
  const nameOf = (id: string | undefined): string | undefined => everybody.data?.items.find((u) => u.id === id)?.displayName ?? id;
  const revoke = async (key: Key): Promise<void> => {
    if (!(await ask({ title: `${words.revoke}: ${key.name}`, text: words.revokeExplained, confirm: words.revoke, cancel: words.cancel, isDangerous: true }))) return;
    try {
      await remove('/api/v1/api-keys/{id}', { path: { id: key.id } });
      tellDone(words.done);
      if (made?.id === key.id) setMade(null);
    } catch (fault) {
      tellFault(fault, words);
    }
    await client.invalidateQueries({ queryKey: ['people', 'keys'] });
  };
  const make = <Button leftSection={<Plus size={16} />} onClick={() => setIsMaking(true)}>{words.newKey}</Button>;
  return (
    <>
      <PageHead title={words.keys} about={words.keysHint}>{keys.data?.length !== 0 && make}</PageHead>
      <Stack gap="md">
        {made?.key && <Shown text={made.key} title={made.name} close={() => setMade(null)} />}
        {may('platform.users:read') && <SegmentedControl w="fit-content" aria-label={words.keys} value={whose} onChange={(value) => setWhose(value as 'own' | 'all')} data={[{ value: 'own', label: words.ownKeys }, { value: 'all', label: words.allKeys }]} />}
        {keys.isLoading ? <Waiting /> : keys.error ? <Fault error={keys.error} retry={() => void keys.refetch()} /> : keys.data?.length === 0 ? <Empty icon={KeyRound} title={words.noKeys} hint={words.noKeysHint}>{make}</Empty> : (
          <Table.ScrollContainer minWidth={720}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>{words.name}</Table.Th>{whose === 'all' && <Table.Th>{words.who}</Table.Th>}<Table.Th>{words.scopes}</Table.Th><Table.Th>{words.createdAt}</Table.Th><Table.Th>{words.lastUsed}</Table.Th><Table.Th>{words.validUntil}</Table.Th><Table.Th><VisuallyHidden>{words.actions}</VisuallyHidden></Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {keys.data?.map((key) => (
                  <Table.Tr key={key.id}>
                    <Table.Td><Text size="sm" fw={600}>{key.name}</Text><Text size="xs" c="dimmed" className="figures">{key.preview}</Text></Table.Td>
                    {whose === 'all' && <Table.Td>{nameOf(key.user ?? '')}</Table.Td>}
                    <Table.Td>{key.scopes.length === 0 ? words.everythingOfOwner : <Group gap={4}>{key.scopes.map((scope) => <Badge key={scope} variant="default">{scope}</Badge>)}</Group>}</Table.Td>
                    <Table.Td title={format.instant(key.createdAt)}>{format.ago(key.createdAt)}</Table.Td>
                    <Table.Td title={key.last_used ? format.instant(key.last_used) : undefined}>{key.last_used ? format.ago(key.last_used) : words.never}</Table.Td>
                    <Table.Td>{key.expires_at ? format.instant(key.expires_at) : words.forever}</Table.Td>
                    <Table.Td ta="end"><Button size="compact-sm" variant="subtle" color="red" aria-label={`${words.revoke}: ${key.name}`} onClick={() => void revoke(key)}>{words.revoke}</Button></Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Stack>
      {isMaking && <NewKey close={() => setIsMaking(false)} took={(key) => { setMade(key); void client.invalidateQueries({ queryKey: ['people', 'keys'] }); }} />}
    </>
  );
}

/** What is shown this once, with a button that copies it. */
export function Shown({ text, title, close }: { text: string; title: string; close: () => void }): ReactNode {
  const words = useWords();
  return (
    <Alert color="teal" variant="light" role="status" title={`${title}: ${words.shownOnce}`} withCloseButton closeButtonLabel={words.close} onClose={close}>
      <Stack gap="xs" align="flex-start">
        <Code block className="lines" data-shown>{text}</Code>
        <CopyButton value={text}>{({ copied, copy }) => <Button size="xs" variant="light" leftSection={<Copy size={14} />} onClick={copy}>{copied ? words.copied : words.copy}</Button>}</CopyButton>
      </Stack>
    </Alert>
  );
}

function NewKey({ close, took }: { close: () => void; took: (key: Key) => void }): ReactNode {
  const words = useWords();
  const names = usePermissionNames();
  return (
    <EntryWindow title={words.newKey} confirm={words.create} close={close} initial={{ name: '', scopes: [] as string[], days: '90' as string | number, perMinute: '' as string | number }}
      submit={async ({ name, scopes, days, perMinute }) => took(await post('/api/v1/api-keys', { body: { name, scopes, ...(days === '' ? {} : { expiresInDays: Number(days) }), ...(perMinute === '' ? {} : { requestsPerMinute: Number(perMinute) }) } }))}>
      {({ values, set, errorOf }) => (
        <>
          <TextInput label={words.keyPurpose} withAsterisk autoComplete="off" value={values.name} error={errorOf('/name')} onChange={(e) => set({ name: e.currentTarget.value })} data-autofocus />
          <TagsInput label={words.scopes} description={words.scopesHint} data={names} limit={50} maxDropdownHeight={240} acceptValueOnBlur value={values.scopes} error={errorOf('/scopes')} onChange={(scopes) => set({ scopes })} />
          <NumberInput label={words.validDays} description={words.validDaysHint} allowDecimal={false} allowNegative={false} value={values.days} error={errorOf('/expires_in_days')} onChange={(days) => set({ days })} />
          <NumberInput label={words.keyPerMinute} description={words.perMinuteHint} allowDecimal={false} allowNegative={false} value={values.perMinute} error={errorOf('/requests_per_minute')} onChange={(perMinute) => set({ perMinute })} />
        </>
      )}
    </EntryWindow>
  );
}
