import { Button, Checkbox, Group, NumberInput, Radio, Select, Stack, Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useState, type FormEvent, type ReactNode } from 'react';
import { Link } from 'wouter';
import { useCatalogue } from '../api/catalogue';
import { Problem, send } from '../api/http';
import { useAddress } from '../platform/Rows';
import { ask } from '../resources/ask';
import { Form } from '../resources/Form';
import { Fault, tellDone, tellFault } from '../shell/Parts';
import { useWords } from '../words';
import { Draw } from './Draw';
import { list, number, pick, text, useAddressOf, useItems, usePlace, useSay, type Part } from './part';

interface Entered { values: Record<string, unknown>; errors: ReadonlyMap<string, string>; change: (name: string, value: unknown) => void }

const FormContext = createContext<Entered | null>(null);

/** What an input holds: a field of its form, else a word of the page's address. */
function useEntry(part: Part): { label: string; description: string | undefined; required: boolean; name: string; value: unknown; error: string | undefined; change: (value: unknown) => void } {
  const say = useSay();
  const form = useContext(FormContext);
  const [read, change] = useAddress();
  const name = text(part, 'name') ?? '';
  const value = form ? (name in form.values ? form.values[name] : part['value']) : read(name) || part['value'];
  return {
    label: say(part['label']), description: say(part['help']) || undefined, required: part['required'] === true, name, value, error: form?.errors.get(name),
    change: (next) => (form ? form.change(name, next) : change({ [name]: next === null || next === undefined || next === false ? null : String(next) })),
  };
}

const asText = (value: unknown): string => (value === undefined || value === null ? '' : String(value));

export function Line({ part }: { part: Part }): ReactNode {
  const { value, change, required, ...entry } = useEntry(part);
  const kind = text(part, 'kind') ?? 'text';
  const [least, most] = [number(part, 'least'), number(part, 'most')];
  if (kind === 'number') return <NumberInput {...entry} required={required} withAsterisk={required} value={asText(value)} min={least} max={most} clampBehavior="none" onChange={(entered) => change(entered === '' ? null : Number(entered))} />;
  return <TextInput {...entry} required={required} withAsterisk={required} type={kind} value={asText(value)} pattern={text(part, 'pattern')} minLength={least} maxLength={most} autoComplete={kind === 'password' ? 'new-password' : 'off'} onChange={(e) => change(e.currentTarget.value)} />;
}

export function Lines({ part }: { part: Part }): ReactNode {
  const { value, change, required, ...entry } = useEntry(part);
  return <Textarea {...entry} required={required} withAsterisk={required} value={asText(value)} autosize minRows={number(part, 'lines') ?? 3} maxLength={number(part, 'most')} onChange={(e) => change(e.currentTarget.value)} />;
}

function useOptions(part: Part): { value: string; label: string }[] {
  const say = useSay();
  const { rows } = useItems(part);
  const declared = list<unknown>(part, 'options').map((one) => (one !== null && typeof one === 'object' && 'value' in one ? { value: String(one.value), label: say('label' in one ? one.label : one.value) } : { value: String(one), label: String(one) }));
  return [...declared, ...rows.map((row) => ({ value: asText(pick(row, text(part, 'optionValue') ?? 'id')), label: asText(pick(row, text(part, 'optionLabel') ?? 'name')) }))];
}

export function Choice({ part }: { part: Part }): ReactNode {
  const { value, change, required, ...entry } = useEntry(part);
  const words = useWords();
  const options = useOptions(part);
  const first = part['first'] === true && options.length > 0 && !options.some((one) => one.value === asText(value)) ? options[0]!.value : null;
  useEffect(() => { if (first !== null) change(first); });
  return <Select {...entry} required={required} withAsterisk={required} data={options} value={value === undefined || value === null || value === '' ? null : String(value)} onChange={change} searchable clearable={!required} clearButtonProps={{ 'aria-label': words.clear }} nothingFoundMessage="–" />;
}

export function Radios({ part }: { part: Part }): ReactNode {
  const { value, change, required, ...entry } = useEntry(part);
  return <Radio.Group {...entry} withAsterisk={required} value={asText(value)} onChange={change}><Group mt={4}>{useOptions(part).map((one) => <Radio key={one.value} value={one.value} label={one.label} />)}</Group></Radio.Group>;
}

export function Check({ part }: { part: Part }): ReactNode {
  const { value, change, required, ...entry } = useEntry(part);
  return <Checkbox {...entry} required={required} checked={value === true || value === 'true'} onChange={(e) => change(e.currentTarget.checked)} />;
}

/** Sends what was entered; what is wrong is said by the server, at the input of that name. What was typed stays over a swap and a reload until it was taken. */
export function Sent({ part }: { part: Part }): ReactNode {
  const place = usePlace();
  const addressOf = useAddressOf();
  const say = useSay();
  const words = useWords();
  const client = useQueryClient();
  const address = addressOf(text(part, 'source'));
  const catalogue = useCatalogue();
  const resource = (part.parts ?? []).length === 0 ? catalogue.data?.find((r) => r.path === address) : undefined;
  const id = `${place.plugin} ${place.name} ${text(part, 'source') ?? ''}`;
  const key = `nexus.draft.${id}`;
  const [values, setValues] = useState<Record<string, unknown>>(() => JSON.parse(sessionStorage.getItem(key) ?? '{}') as Record<string, unknown>);
  const [fault, setFault] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  useEffect(() => {
    if (Object.keys(values).length > 0) sessionStorage.setItem(key, JSON.stringify(values));
    else sessionStorage.removeItem(key);
  }, [values, key]);
  const [rounds, setRounds] = useState(0);
  const take = async (body: Record<string, unknown>, once?: string): Promise<void> => {
    await send(text(part, 'method') ?? 'POST', address ?? '', { body, ...(once ? { key: once } : {}) });
    tellDone(say(part['done']) || words.done);
    // The form is for the next one at once, however long it takes to read what was made of this one.
    for (const key of ['parts', 'records']) void client.invalidateQueries({ queryKey: [key] });
  };
  if (resource) return <Form key={rounds} id={id} fields={resource.fields} owner={resource.plugin} label={say(part['label'])} onCancel={() => setRounds(rounds + 1)} onSubmit={async (body, once) => { await take(body, once); setRounds(rounds + 1); }} />;

  const names = new Set(namesIn(part));
  const told = fault instanceof Problem ? fault.errors : [];
  const errors = new Map(told.map((one) => [one.pointer.slice(1), one.detail]));
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (!event.currentTarget.reportValidity()) return;
    setIsBusy(true);
    setFault(null);
    try {
      await take({ ...defaultsIn(part), ...values });
      // What was typed since is of the next one.
      setValues((now) => Object.fromEntries(Object.entries(now).filter(([name, value]) => value !== values[name])));
    } catch (wrong) {
      setFault(wrong);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <FormContext value={{ values, errors, change: (name, value) => setValues((was) => ({ ...was, [name]: value })) }}>
      <form aria-label={say(part['label'])} onSubmit={(event) => void submit(event)}>
        <Stack gap="sm">
          {fault !== null && !told.some((one) => names.has(one.pointer.slice(1))) && <Fault error={fault} />}
          {(part.parts ?? []).map((one, at) => <Draw key={text(one, 'name') ?? at} part={one} />)}
          <Group justify="flex-end"><Button type="submit" loading={isBusy} disabled={address === null}>{say(part['label'])}</Button></Group>
        </Stack>
      </form>
    </FormContext>
  );
}

const inputsIn = (part: Part): Part[] => (part.parts ?? []).flatMap((one) => (['input', 'textarea', 'select', 'checkbox', 'radio'].includes(one.type) ? [one] : inputsIn(one)));
const namesIn = (part: Part): string[] => inputsIn(part).map((one) => text(one, 'name') ?? '');
const defaultsIn = (part: Part): Record<string, unknown> => Object.fromEntries(inputsIn(part).filter((one) => one['value'] !== undefined || one.type === 'checkbox').map((one) => [text(one, 'name') ?? '', one['value'] ?? false]));

/** Goes to a page, or sends something, asking before where that was declared. */
export function Press({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const words = useWords();
  const client = useQueryClient();
  const addressOf = useAddressOf();
  const [isBusy, setIsBusy] = useState(false);
  const page = text(part, 'page');
  const address = addressOf(text(part, 'source'));
  const isDangerous = text(part, 'tone') === 'danger';
  const run = async (): Promise<void> => {
    const question = say(part['confirm']);
    if (question && !(await ask({ title: say(part['label']), text: question, confirm: say(part['label']), cancel: words.cancel, isDangerous }))) return;
    setIsBusy(true);
    try {
      await send(text(part, 'method') ?? 'POST', address ?? '', { body: part['body'] ?? {} });
      tellDone(say(part['done']) || words.done);
      await Promise.all([client.invalidateQueries({ queryKey: ['parts'] }), client.invalidateQueries({ queryKey: ['records'] })]);
    } catch (fault) {
      tellFault(fault, words);
    } finally {
      setIsBusy(false);
    }
  };
  const look = { variant: isDangerous ? 'light' : 'default', ...(isDangerous ? { color: 'red' } : {}) };
  return <div>{page ? <Button {...look} component={Link} href={page}>{say(part['label'])}</Button> : <Button {...look} loading={isBusy} disabled={address === null} onClick={() => void run()}>{say(part['label'])}</Button>}</div>;
}
