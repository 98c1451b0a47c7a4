import { Alert, Button, Group, Stack } from '@mantine/core';
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { labelOf, type Field } from '../api/catalogue';
import { Problem } from '../api/http';
import { Input } from '../kinds/Input';
import { asSent } from '../kinds/sent';
import { Fault } from '../shell/Parts';
import { useIsThere } from '../shell/useIsThere';
import { useWords } from '../words';

interface FormProps {
  /** Name of this form in this tab: its input is kept under it until it was sent, whatever happens to the page. */
  id: string;
  fields: Field[];
  owner: string;
  initial?: Record<string, unknown>;
  label: string;
  /** Its last word tells whether the form is still there when the answer is. */
  onSubmit: (values: Record<string, unknown>, key: string, isThere: () => boolean) => Promise<void>;
  onCancel: () => void;
}

/** The field that a JSON pointer points into. */
const nameIn = (pointer: string): string => pointer.split('/')[1] ?? '';

/** A form drawn from fields. What is wrong is said by the server, at the field it belongs to; a swap of the plugin, a reload or a lost connection takes nothing away. */
export function Form({ id, fields, owner, initial, label, onSubmit, onCancel }: FormProps): ReactNode {
  const words = useWords();
  const draftKey = `nexus.draft.${id}`;
  const entered = fields.filter((f) => !f.readOnly);
  const [draft, setDraft] = useState<Record<string, unknown>>(() => JSON.parse(sessionStorage.getItem(draftKey) ?? '{}') as Record<string, unknown>);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  // One key for all attempts of this form: what was taken without an answer is not done twice.
  const key = useRef(crypto.randomUUID());
  const form = useRef<HTMLFormElement>(null);
  const isThere = useIsThere();
  useEffect(() => {
    if (Object.keys(draft).length > 0) sessionStorage.setItem(draftKey, JSON.stringify(draft));
    else sessionStorage.removeItem(draftKey);
  }, [draft, draftKey]);

  const errors = new Map(error instanceof Problem ? error.errors.map((e) => [e.pointer, e.detail]) : []);
  const known = new Set(entered.map((f) => f.name));
  const elsewhere = error instanceof Problem ? error.errors.filter((e) => !known.has(nameIn(e.pointer))) : [];
  // A switch that stands on "no" says no.
  const ofNothing = (field: Field): unknown => field.default ?? (field.kind === 'Boolean' && field.required ? false : undefined);
  const valueOf = (field: Field): unknown => (field.name in draft ? draft[field.name] : initial ? initial[field.name] : ofNothing(field));
  const leave = (): void => { sessionStorage.removeItem(draftKey); setDraft({}); onCancel(); };
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const unread = form.current?.querySelector<HTMLElement>('[data-unread]');
    if (unread) {
      unread.focus();
      return;
    }
    setIsBusy(true);
    setError(null);
    const values = Object.fromEntries(entered.map((f) => [f.name, valueOf(f) === '' ? null : asSent(f, valueOf(f))] as const).filter(([, value]) => value !== undefined));
    try {
      await onSubmit(values, key.current, isThere);
      sessionStorage.removeItem(draftKey);
    } catch (fault) {
      setError(fault);
      if (fault instanceof Problem && fault.status !== 0) key.current = crypto.randomUUID();
      // What is wrong with the whole is told above inputs that may fill several screens.
      requestAnimationFrame(() => {
        const wrong = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
        if (wrong) wrong.focus();
        else form.current?.querySelector('[role="alert"]')?.scrollIntoView({ block: 'center' });
      });
    } finally {
      setIsBusy(false);
    }
  };

  return (
    <form ref={form} onSubmit={(event) => void submit(event)} noValidate aria-label={label}>
      <Stack>
        {error !== null && (errors.size === 0 || elsewhere.length > 0) && <Fault error={elsewhere.length > 0 ? new Error(elsewhere.map((e) => `${e.pointer} ${e.detail}`).join('\n')) : error} />}
        {errors.size > 0 && elsewhere.length < errors.size && (
          <Alert color="red" variant="light" role="alert" title={words.lookAtInputs}>
            {[...errors.keys()].filter((pointer) => known.has(nameIn(pointer))).map((pointer) => [labelOf(fields.find((f) => f.name === nameIn(pointer))!), ...pointer.split('/').slice(2).map((part) => (/^\d+$/.test(part) ? Number(part) + 1 : part))].join(' › ')).join(', ')}
          </Alert>
        )}
        {entered.map((field) => (
          <Input key={field.name} field={field} owner={owner} pointer={`/${field.name}`} errors={errors} value={valueOf(field)} onChange={(value) => setDraft((was) => ({ ...was, [field.name]: value }))} />
        ))}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={leave}>{words.cancel}</Button>
          <Button type="submit" loading={isBusy}>{label}</Button>
        </Group>
      </Stack>
    </form>
  );
}
