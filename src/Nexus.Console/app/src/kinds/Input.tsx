import { ActionIcon, Button, Fieldset, Group, JsonInput, NumberInput, Select, Stack, Switch, Textarea, TextInput, type TextInputProps } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Plus, X } from 'lucide-react';
import { useId, useState, type ReactNode } from 'react';
import { labelOf, nameOf, spoken, useCatalogue, type Field } from '../api/catalogue';
import { findRecord, listRecords } from '../api/records';
import { useWords } from '../words';

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
      return <Switch label={shared.label} description={shared.description} error={shared.error} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked)} data-pointer={pointer} />;
    case 'Choice':
      return <Select {...shared} value={text || null} onChange={onChange} data={(field.choices ?? []).map((word) => ({ value: word, label: spoken(word) }))} clearable={field.required !== true} searchable={(field.choices?.length ?? 0) > 8} />;
    case 'Integer':
      return <NumberInput {...shared} value={text} onChange={(entered) => onChange(entered === '' ? null : Number(entered))} allowDecimal={false} min={field.minimum} max={field.maximum} clampBehavior="none" suffix={field.unit ? ` ${field.unit}` : ''} />;
    case 'Real':
      return <NumberInput {...shared} value={text} onChange={(entered) => onChange(entered === '' ? null : Number(entered))} clampBehavior="none" suffix={field.unit ? ` ${field.unit}` : ''} />;
    case 'Decimal':
      // A text all the way: a double would lose digits.
      return <TextInput {...shared} value={text} onChange={(e) => give(e.currentTarget.value.trim())} inputMode="decimal" />;
    case 'Date': return <Plain {...shared} kind="date" value={text} give={give} />;
    case 'Time': return <Plain {...shared} kind="time" step={1} value={text} give={give} />;
    case 'Instant': return <Plain {...shared} kind="datetime-local" step={1} value={local(text)} give={(entered) => onChange(entered === '' ? null : new Date(entered).toISOString())} />;
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
    case 'Map': case 'Json': return <RawInput {...shared} value={value} onChange={onChange} />;
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

/** An instant as the browser's own input has it, in the person's zone. */
function local(value: string): string {
  if (!value) return '';
  const time = new Date(value);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function MoneyInput({ field, value, onChange, pointer, errors }: InputProps): ReactNode {
  const words = useWords();
  const money = (value ?? {}) as { amount?: string; currency?: string };
  const change = (next: { amount?: string; currency?: string }): void => onChange(next.amount ? { amount: next.amount, currency: (next.currency ?? '').toUpperCase() } : null);
  return (
    <Group gap="xs" align="flex-start" wrap="nowrap">
      <TextInput className="grow" label={labelOf(field)} description={help(field)} withAsterisk={field.required} required={field.required} inputMode="decimal" value={money.amount ?? ''} error={errors.get(pointer) ?? errors.get(`${pointer}/amount`)} data-pointer={pointer}
        onChange={(e) => change({ currency: 'EUR', ...money, amount: e.currentTarget.value.trim() })} />
      <TextInput w={90} label={words.name === 'Name' ? 'Currency' : 'Währung'} value={money.currency ?? ''} maxLength={12} error={errors.get(`${pointer}/currency`)} onChange={(e) => change({ ...money, currency: e.currentTarget.value })} />
    </Group>
  );
}

function ListInput(props: InputProps): ReactNode {
  const { field, value, onChange, pointer, errors } = props;
  const words = useWords();
  const values = (value as unknown[] | null | undefined) ?? [];
  const element: Field = field.element ?? { name: '', kind: 'Text' };
  return (
    <Fieldset legend={labelOf(field)} data-pointer={pointer}>
      <Stack gap="xs">
        {values.map((one, index) => (
          <Group key={index} gap="xs" align="flex-end" wrap="nowrap">
            <div className="grow"><Input {...props} field={{ ...element, label: `${index + 1}` }} pointer={`${pointer}/${index}`} value={one} onChange={(next) => onChange(values.map((was, at) => (at === index ? next : was)))} /></div>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`${words.remove} ${index + 1}`} onClick={() => onChange(values.filter((_, at) => at !== index))}><X size={16} /></ActionIcon>
          </Group>
        ))}
        {errors.get(pointer) && <span className="fault" role="alert">{errors.get(pointer)}</span>}
        <Button variant="light" size="xs" leftSection={<Plus size={14} />} onClick={() => onChange([...values, element.kind === 'Group' ? {} : ''])}>{words.create}</Button>
      </Stack>
    </Fieldset>
  );
}

function RawInput({ value, onChange, ...rest }: { value: unknown; onChange: (value: unknown) => void; label: string; description?: string | undefined; error?: string | undefined }): ReactNode {
  const [text, setText] = useState(() => (value === undefined || value === null ? '' : JSON.stringify(value, null, 2)));
  return (
    <JsonInput {...rest} value={text} autosize minRows={3} formatOnBlur validationError="JSON" onChange={(entered) => {
      setText(entered);
      try { onChange(entered.trim() === '' ? null : JSON.parse(entered)); } catch { /* Told beneath the input; the value stays what it was. */ }
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
