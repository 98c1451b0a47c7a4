import { Button, Group, Text } from '@mantine/core';
import { useState, useSyncExternalStore, type ReactNode } from 'react';
import { Dialog } from '../shell/Parts';

export interface Question { title: string; text?: string; confirm: string; cancel: string; isDangerous?: boolean }

interface Asked extends Question { answer: (yes: boolean) => void }

let asked: Asked | null = null;
const listeners = new Set<() => void>();
const tell = (next: Asked | null): void => { asked = next; listeners.forEach((listener) => listener()); };

/** Asks before something that cannot be taken back is done. Who was asked before and has not answered has said no. */
export const ask = (question: Question): Promise<boolean> => new Promise((resolve) => {
  asked?.answer(false);
  tell({ ...question, answer: resolve });
});

/** Where questions appear; once in the page. */
export function Questions(): ReactNode {
  const current = useSyncExternalStore((listener) => { listeners.add(listener); return () => listeners.delete(listener); }, () => asked);
  const [last, setLast] = useState(current);
  if (current && current !== last) setLast(current);
  const answer = (yes: boolean): void => { current?.answer(yes); tell(null); };
  return (
    <Dialog isOpen={current !== null} onClose={() => answer(false)} title={last?.title}>
      {last?.text && <Text size="sm" mb="md">{last.text}</Text>}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={() => answer(false)} data-autofocus>{last?.cancel}</Button>
        <Button color={last?.isDangerous ? 'red' : undefined} onClick={() => answer(true)}>{last?.confirm}</Button>
      </Group>
    </Dialog>
  );
}
