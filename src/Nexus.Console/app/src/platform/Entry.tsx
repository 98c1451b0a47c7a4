import { Button, Group, Modal, Stack } from '@mantine/core';
import { useRef, useState, type FormEvent, type ReactNode } from 'react';
import { Problem } from '../api/http';
import { Fault } from '../shell/Parts';
import { useIsThere } from '../shell/useIsThere';
import { useWords } from '../words';

interface Filled<T> { values: T; set: (next: Partial<T>) => void; /** What the server said of a pointer. */ errorOf: (pointer: string) => string | undefined }

interface EntryProps<T> { initial: T; confirm: string; isDangerous?: boolean; /** The last word tells whether the form is still there when the answer is. */ submit: (values: T, isThere: () => boolean) => Promise<unknown>; cancel?: () => void; children: (filled: Filled<T>) => ReactNode }

/** A short form of a platform page. What is wrong is said by the server, at its field; nothing is kept beyond the page, since it may be a password. */
export function Entry<T extends object>({ initial, confirm, isDangerous = false, submit, cancel, children }: EntryProps<T>): ReactNode {
  const words = useWords();
  const [values, setValues] = useState(initial);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const isThere = useIsThere();
  const used = new Set<string>();
  const errors = error instanceof Problem ? error.errors : [];
  const errorOf = (pointer: string): string | undefined => {
    used.add(pointer);
    return errors.find((e) => e.pointer === pointer || e.pointer.startsWith(`${pointer}/`))?.detail;
  };
  const run = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    // A form in a window lies in a page's form for React, though not for the browser.
    event.stopPropagation();
    setIsBusy(true);
    setError(null);
    try {
      await submit(values, isThere);
    } catch (fault) {
      setError(fault);
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
    } finally {
      setIsBusy(false);
    }
  };
  const inputs = children({ values, set: (next) => setValues((was) => ({ ...was, ...next })), errorOf });
  const elsewhere = errors.filter((e) => ![...used].some((pointer) => e.pointer === pointer || e.pointer.startsWith(`${pointer}/`)));
  return (
    <form ref={form} onSubmit={(event) => void run(event)} noValidate>
      <Stack>
        {error !== null && (errors.length === 0 || elsewhere.length > 0) && <Fault error={elsewhere.length > 0 ? new Error(elsewhere.map((e) => e.detail).join('\n')) : error} />}
        {inputs}
        <Group justify="flex-end" gap="xs">
          {cancel && <Button variant="default" onClick={cancel}>{words.cancel}</Button>}
          <Button type="submit" loading={isBusy} color={isDangerous ? 'red' : undefined}>{confirm}</Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The same in a window of its own; it closes when what was entered was taken. */
export function EntryWindow<T extends object>({ title, close, submit, ...rest }: Omit<EntryProps<T>, 'cancel'> & { title: string; close: () => void }): ReactNode {
  return <Modal opened onClose={close} title={title}><Entry {...rest} cancel={close} submit={async (values, isThere) => { await submit(values, isThere); if (isThere()) close(); }} /></Modal>;
}
