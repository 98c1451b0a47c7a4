import { ActionIcon, Button, Fieldset, Group, Select, Stack, Switch, Text, Textarea, TextInput, type TextInputProps } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Plus, X } from 'lucide-react';
import { useId, useRef, useState, type ReactNode } from 'react';
import { labelOf, nameOf, spoken, useCatalogue, type Field } from '../api/catalogue';
import { findRecord, listRecords } from '../api/records';
import { useWords } from '../words';
import { plainDigits } from './sent';
import { useFormat } from './useFormat';

export interface InputProps {
  field: Field;
  value: unknown;
  onChange: (value: unknown) => void;
  /** JSON pointer of this value in the input. */
  pointer: string;
  /** What the server said of each pointer. */
  errors: ReadonlyMap<string, string>;
  /** Plugin whose field it is. */
  owner: string;
}

/** The input of a field, as its kind asks for it; a renderer for every kind there is. */
export function Input(props: InputProps): ReactNode {
  const { field, value, onChange, pointer, errors } = props;
  const shared = { label: labelOf(field), description: help(field), error: errors.get(pointer), required: field.required === true, withAsterisk: field.required === true, 'data-pointer': pointer };
  const text = value === null || value === undefined ? '' : String(value);
  const give = (entered: string): void => onChange(entered === '' ? null : entered);
  switch (field.kind) {
    case 'Multiline':
      return <Textarea {...shared} value={text} onChange={(e) => onChange(e.currentTarget.value)} autosize minRows={3} maxRows={14} maxLength={field.maxLength} />;
    case 'Boolean':
      // Of three states a switch shows two.
      if (field.nullable) return <Maybe {...shared} value={value} onChange={onChange} />;
      return <Switch label={shared.label} description={shared.description} error={shared.error} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked)} data-pointer={pointer} />;
    case 'Choice':
      return <Select {...shared} value={text || null} onChange={onChange} data={(field.choices ?? []).map((word) => ({ value: word, label: spoken(word) }))} clearable={field.required !== true} searchable={(field.choices?.length ?? 0) > 8} />;
    case 'Integer': case 'Real': case 'Decimal':
      return <Digits {...shared} unit={field.unit} isWhole={field.kind === 'Integer'} value={text} give={give} />;
    case 'Date': return <Plain {...shared} kind="date" max="9999-12-31" value={text} give={give} />;
    case 'Time': return <Plain {...shared} kind="time" step={1} value={text} give={give} />;
    case 'Instant':
      // What no calendar of a browser has is typed as the platform writes it.
      if (text && local(text) === '') return <Plain {...shared} kind="text" value={text} give={give} />;
      return <Plain {...shared} kind="datetime-local" step={1} max="9999-12-31T23:59:59" value={local(text)} give={(entered) => onChange(entered === '' ? null : new Date(entered).toISOString())} />;
    case 'Reference': return <ReferenceInput {...props} />;
    case 'Money': return <MoneyInput {...props} />;
    case 'List': return <ListInput {...props} />;
    case 'Group':
      return (
        <Fieldset legend={shared.label}>
          <Stack gap="sm">
            {(field.fields ?? []).filter((part) => !part.readOnly).map((part) => (
              <Input key={part.name} {...props} field={part} pointer={`${pointer}/${part.name}`} value={(value as Record<string, unknown> | null)?.[part.name]} onChange={(one) => onChange({ ...(value as Record<string, unknown> | null), [part.name]: one })} />
            ))}
          </Stack>
        </Fieldset>
      );
    case 'Map': return <MapInput {...props} />;
    case 'Json': return <RawInput {...shared} value={value} onChange={onChange} />;
    default:
      return <TextInput {...shared} value={text} onChange={(e) => onChange(e.currentTarget.value)} maxLength={field.maxLength} type={field.secret ? 'password' : 'text'} autoComplete={field.secret ? 'new-password' : 'off'} />;
  }
}

function Plain({ kind, give, value, ...rest }: { kind: string; give: (value: string) => void; value: string } & TextInputProps): ReactNode {
  return <TextInput {...rest} type={kind} value={value} onChange={(e) => give(e.currentTarget.value)} />;
}

function help(field: Field): string | undefined {
  return field.description ?? undefined;
}

/** An instant as the browser's own input has it, in the person's zone; nothing where that has no such time. */
function local(value: string): string {
  const time = new Date(value);
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return Number.isNaN(shifted.getTime()) || shifted.getUTCFullYear() > 9999 || shifted.getUTCFullYear() < 1 ? '' : shifted.toISOString().slice(0, 19);
}

/** A number as its digits, with the person's own decimal sign; a text all the way: a double would lose digits. */
function Digits({ unit, isWhole, value, give, ...rest }: { unit: string | undefined; isWhole: boolean; value: string; give: (value: string) => void } & TextInputProps): ReactNode {
  const { sign } = useFormat();
  return (
    <TextInput {...rest} value={isWhole ? value : value.replace('.', sign)} inputMode={isWhole ? 'numeric' : 'decimal'} autoComplete="off" onChange={(e) => give(plainDigits(e.currentTarget.value, sign))}
      rightSection={unit ? <Text span size="sm" c="dimmed" truncate>{unit}</Text> : undefined} rightSectionWidth={unit ? `${Math.min(unit.length, 12) + 3}ch` : undefined} rightSectionPointerEvents="none" />
  );
}

/** Yes, no, or not said. */
function Maybe({ value, onChange, required: _, ...rest }: { label: string; description?: string | undefined; error?: string | undefined; required: boolean; value: unknown; onChange: (value: unknown) => void }): ReactNode {
  const words = useWords();
  return <Select {...rest} data={[{ value: 'true', label: words.yes }, { value: 'false', label: words.no }]} value={typeof value === 'boolean' ? String(value) : null} onChange={(chosen) => onChange(chosen === null ? null : chosen === 'true')} clearable placeholder="–" />;
}

function MoneyInput({ field, value, onChange, pointer, errors }: InputProps): ReactNode {
  const words = useWords();
  const { sign } = useFormat();
  const money = (value ?? {}) as { amount?: string; currency?: string };
  const change = (next: { amount?: string; currency?: string }): void => onChange(next.amount || next.currency ? { amount: next.amount ?? '', currency: (next.currency ?? '').toUpperCase() } : null);
  return (
    <Group gap="xs" align="flex-start" wrap="nowrap">
      <TextInput className="grow" label={labelOf(field)} description={help(field)} withAsterisk={field.required} required={field.required} inputMode="decimal" autoComplete="off" value={(money.amount ?? '').replace('.', sign)} error={errors.get(pointer) ?? errors.get(`${pointer}/amount`)} data-pointer={pointer}
        onChange={(e) => change({ currency: 'EUR', ...money, amount: plainDigits(e.currentTarget.value, sign) })} />
      <TextInput w={90} label={words.currency} value={money.currency ?? ''} maxLength={12} autoComplete="off" error={errors.get(`${pointer}/currency`)} onChange={(e) => change({ ...money, currency: e.currentTarget.value.trim() })} />
    </Group>
  );
}

/** What a new element of a list or map is before anything is typed. */
const blank = (element: Field): unknown => (element.kind === 'Group' ? {} : element.kind === 'Boolean' ? false : '');

/** A key for each row that goes with it when one before it is removed. */
function useRowKeys(count: number): { keys: readonly string[]; drop: (at: number) => void } {
  const keys = useRef<string[]>([]);
  while (keys.current.length < count) keys.current.push(crypto.randomUUID());
  keys.current.length = count;
  return { keys: keys.current, drop: (at) => { keys.current.splice(at, 1); } };
}

function ListInput(props: InputProps): ReactNode {
  const { field, value, onChange, pointer, errors } = props;
  const words = useWords();
  const values = (value as unknown[] | null | undefined) ?? [];
  const element: Field = field.element ?? { name: '', kind: 'Text' };
  const rows = useRowKeys(values.length);
  return (
    <Fieldset legend={labelOf(field)} data-pointer={pointer}>
      <Stack gap="xs">
        {help(field) && <Text size="xs" c="dimmed">{help(field)}</Text>}
        {values.map((one, index) => (
          <Group key={rows.keys[index]} gap="xs" align="flex-end" wrap="nowrap">
            <div className="grow"><Input {...props} field={{ ...element, label: `${index + 1}` }} pointer={`${pointer}/${index}`} value={one} onChange={(next) => onChange(values.map((was, at) => (at === index ? next : was)))} /></div>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`${words.remove} ${index + 1}`} onClick={() => { rows.drop(index); onChange(values.filter((_, at) => at !== index)); }}><X size={16} /></ActionIcon>
          </Group>
        ))}
        {errors.get(pointer) && <span className="fault" role="alert">{errors.get(pointer)}</span>}
        <Button variant="light" size="xs" leftSection={<Plus size={14} />} aria-label={`${words.add}: ${labelOf(field)}`} onClick={() => onChange([...values, blank(element)])}>{words.add}</Button>
      </Stack>
    </Fieldset>
  );
}

/** Names with a value each. What has no name yet, or one that is there already, is not sent. */
function MapInput(props: InputProps): ReactNode {
  const { field, value, onChange, pointer, errors } = props;
  const words = useWords();
  const element: Field = field.element ?? { name: '', kind: 'Text' };
  const [entries, setEntries] = useState<[string, unknown][]>(() => Object.entries((value ?? {}) as Record<string, unknown>));
  const rows = useRowKeys(entries.length);
  const change = (next: [string, unknown][]): void => {
    setEntries(next);
    onChange(next.length === 0 && field.nullable ? null : Object.fromEntries(next));
  };
  return (
    <Fieldset legend={labelOf(field)} data-pointer={pointer}>
      <Stack gap="xs">
        {help(field) && <Text size="xs" c="dimmed">{help(field)}</Text>}
        {entries.map(([name, one], index) => {
          const fault = name === '' ? words.nameMissing : entries.findIndex(([other]) => other === name) < index ? words.nameTwice : undefined;
          return (
            <Group key={rows.keys[index]} gap="xs" align="flex-end" wrap="nowrap">
              <TextInput className="grow" label={words.name} value={name} error={fault} data-unread={fault && true} autoComplete="off" onChange={(e) => change(entries.map((was, at) => (at === index ? [e.currentTarget.value, was[1]] : was)))} />
              <div className="grow"><Input {...props} field={{ ...element, label: words.value }} pointer={`${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`} value={one} onChange={(next) => change(entries.map((was, at) => (at === index ? [was[0], next] : was)))} /></div>
              <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`${words.remove} ${name || index + 1}`} onClick={() => { rows.drop(index); change(entries.filter((_, at) => at !== index)); }}><X size={16} /></ActionIcon>
            </Group>
          );
        })}
        {errors.get(pointer) && <span className="fault" role="alert">{errors.get(pointer)}</span>}
        <Button variant="light" size="xs" leftSection={<Plus size={14} />} aria-label={`${words.add}: ${labelOf(field)}`} onClick={() => change([...entries, ['', blank(element)]])}>{words.add}</Button>
      </Stack>
    </Fieldset>
  );
}

/** Any JSON. A text that is none is kept and marked, and the form is not sent with what was there before it. */
export function RawInput({ value, onChange, error, ...rest }: { value: unknown; onChange: (value: unknown) => void; label: ReactNode; description?: string | undefined; error?: string | undefined; disabled?: boolean; withAsterisk?: boolean; name?: string }): ReactNode {
  const words = useWords();
  const [text, setText] = useState(() => (value === undefined || value === null ? '' : JSON.stringify(value, null, 2)));
  const [fault, setFault] = useState<string>();
  return (
    <Textarea {...rest} className="code" value={text} error={fault ?? error} data-unread={fault && true} autosize minRows={3} maxRows={20} spellCheck={false} onChange={(e) => {
      const entered = e.currentTarget.value;
      setText(entered);
      try {
        onChange(entered.trim() === '' ? null : JSON.parse(entered));
        setFault(undefined);
      } catch (wrong) {
        setFault(words.noJson(wrong instanceof Error ? wrong.message : String(wrong)));
      }
    }} />
  );
}

/** Chooses a record of another resource by its name. */
function ReferenceInput({ field, value, onChange, pointer, errors, owner }: InputProps): ReactNode {
  const id = useId();
  const catalogue = useCatalogue();
  const resource = catalogue.data?.find((r) => r.name === field.target || r.name === `${owner}.${field.target}`);
  const [search, setSearch] = useState('');
  const [wanted] = useDebouncedValue(search, 200);
  const canSearch = (resource?.search.length ?? 0) > 0;
  const found = useQuery({
    queryKey: ['records', resource?.name, 'choice', canSearch ? wanted : ''],
    queryFn: async ({ signal }) => (await listRecords(resource!, `limit=20${canSearch && wanted ? `&q=${encodeURIComponent(wanted)}` : ''}`, signal)).value,
    enabled: resource !== undefined,
  });
  const chosen = useQuery({ queryKey: ['records', resource?.name, value], queryFn: () => findRecord(resource!, String(value)), enabled: resource !== undefined && Boolean(value), retry: false });
  const rows = [...(chosen.data ? [chosen.data] : []), ...(found.data ?? []).filter((row) => row.id !== chosen.data?.id)];
  if (!resource) return <TextInput id={id} label={labelOf(field)} description={help(field)} withAsterisk={field.required} value={String(value ?? '')} error={errors.get(pointer)} onChange={(e) => onChange(e.currentTarget.value || null)} />;
  return (
    <Select id={id} label={labelOf(field)} description={help(field)} withAsterisk={field.required} required={field.required} error={errors.get(pointer)} data-pointer={pointer} value={value ? String(value) : null} onChange={onChange}
      searchable clearable={field.required !== true} searchValue={search} onSearchChange={setSearch} filter={canSearch ? ({ options }) => options : undefined} nothingFoundMessage="–"
      data={rows.map((row) => ({ value: row.id, label: nameOf(resource, row) }))} />
  );
}
