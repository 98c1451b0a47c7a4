import { ActionIcon, Anchor, Badge, Button, Group, Popover, ScrollArea, Stack, Text, Title, VisuallyHidden } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { BellIcon, CheckCheck } from 'lucide-react';
import { useEffect, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { get, post } from '../api/client';
import type { Notification } from '../api/contract';
import { readAgain } from '../api/again';
import { live } from '../api/live';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { useWords } from '../words';
import { tellFault } from './Parts';


const key = ['notifications'] as const;

/** What happened and concerns this person: told at once, read from the server, where it stays read in every browser. */
export function Bell(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const client = useQueryClient();
  const may = useMay();
  const [, go] = useLocation();
  const [isOpen, { toggle, close }] = useDisclosure();
  // What nobody tells of, such as a task that another node ran, is found a minute later.
  const told = useQuery({ queryKey: key, queryFn: () => get('/api/v1/notifications'), refetchInterval: 60_000 });
  useEffect(() => live.watchNotifications(() => void readAgain(client, key)), [client]);

  const items = told.data?.items ?? [];
  const unread = told.data?.unread ?? 0;
  const mark = async (ids?: string[]): Promise<void> => {
    try {
      const read = await post('/api/v1/notifications/read', { body: ids ? { ids } : {} });
      // What is on its way since before says that they are unread.
      await client.cancelQueries({ queryKey: key });
      client.setQueryData(key, read);
      await readAgain(client, key);
    } catch (fault) {
      tellFault(fault, words);
    }
  };
  const hrefOf = (one: Notification): string | null =>
    one.kind.startsWith('task.') ? (may('platform.tasks:read') ? `/tasks?open=${one.subject}` : null)
    : one.kind.startsWith('plugin.') ? `/plugins/${one.subject}`
    : one.kind === 'event.dead' ? '/events?tab=dead'
    : '/account';
  const titleOf = (one: Notification): string => (one.kind.startsWith('account.') ? words.accountNotes[one.kind.slice(8)] ?? words.accountChanged : words.notes[one.kind]?.(one.name) ?? one.name);
  const label = unread > 0 ? words.unreadNotifications(unread, format.number(unread)) : words.notifications;

  return (
    <Popover opened={isOpen} onChange={(open) => { if (!open) close(); }} position="bottom-end" width={360} withArrow trapFocus returnFocus withRoles={false} shadow="md">
      <Popover.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={label} aria-expanded={isOpen} onClick={toggle} pos="relative">
          <BellIcon size={20} aria-hidden />
          {unread > 0 && <Badge size="xs" circle={unread < 10} color="red" variant="filled" pos="absolute" top={0} right={0} aria-hidden>{unread > 49 ? '50' : unread}</Badge>}
        </ActionIcon>
      </Popover.Target>
      <VisuallyHidden role="status">{unread > 0 ? label : ''}</VisuallyHidden>
      <Popover.Dropdown p={0} role="region" aria-label={words.notifications} maw="calc(100vw - 16px)">
        <Group justify="space-between" px="md" py="xs" wrap="nowrap">
          {/* Where the focus goes: there may be nothing else to go to. */}
          <Title order={2} size="h5" tabIndex={-1} data-autofocus style={{ outline: 'none' }}>{words.notifications}</Title>
          {unread > 0 && <Button size="compact-xs" variant="subtle" leftSection={<CheckCheck size={14} aria-hidden />} onClick={() => void mark()}>{words.readAll}</Button>}
        </Group>
        {items.length === 0 ? <Text size="sm" c="dimmed" px="md" pb="md">{words.noNotifications}</Text> : (
          <ScrollArea.Autosize mah="min(60vh, 480px)" type="auto" viewportProps={{ tabIndex: 0 }}>
            <Stack component="ul" gap={0} m={0} p={0} style={{ listStyle: 'none' }}>
              {items.map((one) => {
                const href = hrefOf(one);
                return (
                  <Group component="li" key={one.id} px="md" py="xs" gap="xs" align="flex-start" wrap="nowrap" className="note" data-unread={!one.read || undefined}>
                    <div className="grow">
                      {href ? <Anchor href={`/console${href}`} size="sm" fw={one.read ? 400 : 650} onClick={(event) => { event.preventDefault(); close(); if (!one.read) void mark([one.id]); go(href); }}>{titleOf(one)}</Anchor> : <Text size="sm" fw={one.read ? 400 : 650}>{titleOf(one)}</Text>}
                      {one.detail && <Text size="xs" c="dimmed" lineClamp={3} style={{ overflowWrap: 'anywhere' }}>{one.detail}</Text>}
                      <Text size="xs" c="dimmed" title={format.instant(one.at)}>{!one.read && <><VisuallyHidden>{words.unread}: </VisuallyHidden></>}{format.ago(one.at)}</Text>
                    </div>
                  </Group>
                );
              })}
            </Stack>
          </ScrollArea.Autosize>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
