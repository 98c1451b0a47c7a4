import { Badge, Button, Group, NumberInput, PasswordInput, Select, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import { useRef, useState, type ReactNode } from 'react';
import { spoken } from '../api/catalogue';
import { Problem } from '../api/http';
import { Fault } from '../shell/Parts';
import { useWords } from '../words';

/** What a plugin says of its settings: JSON Schema, as far as a form is made of it. */
export interface Schema { type?: string; title?: string; description?: string; properties?: Record<string, Schema>; required?: string[]; enum?: unknown[]; default?: unknown; minimum?: number; maximum?: number; minLength?: number; maxLength?: number; pattern?: string; items?: Schema; secret?: boolean; restart?: boolean; format?: string }

interface Leaf { path: string; schema: Schema; isRequired: boolean }

interface SchemaFormProps {
  schema: Schema;
  /** What is set now, by dotted key; secrets are hidden. */
  values: Record<string, string>;
  isReadOnly: boolean;
  onSubmit: (changes: Record<string, unknown>) => Promise<void>;
}

const hidden = '***hidden***';

const leavesOf = (schema: Schema, before = ''): Leaf[] => Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => (inner.properties ? leavesOf(inner, `${before}${name}.`) : [{ path: `${before}${name}`, schema: inner, isRequired: schema.required?.includes(name) === true }]));

/** What a schema allows, as far as it can be told while somebody types; the node decides. */
export function useCheck(): (leaf: Leaf, value: unknown) => string | undefined {
  const words = useWords();
  return ({ schema, isRequired }, value) => {
    if (value === undefined || value === null || value === '') return isRequired && schema.default === undefined ? words.required : undefined;
    if (schema.type === 'integer' || schema.type === 'number') {
      const number = Number(value);
      if (!Number.isFinite(number) || (schema.type === 'integer' && !Number.isInteger(number))) return words.mustBeNumber;
      if (schema.minimum !== undefined && number < schema.minimum) return words.atLeast(String(schema.minimum));
      if (schema.maximum !== undefined && number > schema.maximum) return words.atMost(String(schema.maximum));
    }
    if (typeof value === 'string' && schema.type === 'string') {
      if (schema.minLength !== undefined && value.length < schema.minLength) return words.atLeastLetters(schema.minLength);
      if (schema.maxLength !== undefined && value.length > schema.maxLength) return words.atMostLetters(schema.maxLength);
      try {
        if (schema.pattern && !new RegExp(schema.pattern, 'u').test(value)) return words.mustMatch(schema.pattern);
      } catch {
        // A pattern of another dialect: the node tells.
      }
    }
    return undefined;
  };
}

/** The settings of a plugin, by its own description: labels, help, ranges and choices, checked while they are typed. */
export function SchemaForm({ schema, values, isReadOnly, onSubmit }: SchemaFormProps): ReactNode {
  const words = useWords();
  const check = useCheck();
  const leaves = leavesOf(schema);
  const [draft, setDraft] = useState<Record<string, unknown>>({});
  const [fault, setFault] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const valueOf = (leaf: Leaf): unknown => {
    if (leaf.path in draft) return draft[leaf.path];
    if (leaf.schema.type === 'array') {
      const elements = Object.entries(values).filter(([key]) => key.startsWith(`${leaf.path}.`)).map(([, value]) => value);
      return elements.length > 0 ? elements : leaf.schema.default;
    }
    return values[leaf.path] ?? leaf.schema.default;
  };
  const told = fault instanceof Problem ? fault.errors : [];
  const toldOf = (path: string): string | undefined => told.find((one) => one.pointer.replaceAll('/', '.').replace(/^\./, '').endsWith(path))?.detail;
  const wrong = leaves.filter((leaf) => leaf.path in draft && check(leaf, draft[leaf.path]));
  const submit = async (): Promise<void> => {
    setIsBusy(true);
    setFault(null);
    const changes: Record<string, unknown> = {};
    for (const [path, value] of Object.entries(draft)) {
      const names = path.split('.');
      let at = changes;
      names.slice(0, -1).forEach((name) => { at = (at[name] ??= {}) as Record<string, unknown>; });
      at[names.at(-1) ?? path] = value === '' ? null : value;
    }
    try {
      await onSubmit(changes);
    } catch (problem) {
      setFault(problem);
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <form ref={form} noValidate aria-label={words.config} onSubmit={(event) => { event.preventDefault(); if (wrong.length === 0) void submit(); }}>
      <Stack>
        {fault !== null && !leaves.some((leaf) => toldOf(leaf.path)) && <Fault error={fault} />}
        {leaves.map((leaf) => (
          <Setting key={leaf.path} leaf={leaf} value={valueOf(leaf)} error={(leaf.path in draft ? check(leaf, draft[leaf.path]) : undefined) ?? toldOf(leaf.path)} isReadOnly={isReadOnly}
            onChange={(value) => setDraft((was) => ({ ...was, [leaf.path]: value }))} />
        ))}
        {!isReadOnly && <Group justify="flex-end" gap="xs"><Button variant="default" disabled={Object.keys(draft).length === 0} onClick={() => { setDraft({}); setFault(null); }}>{words.cancel}</Button><Button type="submit" loading={isBusy} disabled={Object.keys(draft).length === 0 || wrong.length > 0}>{words.save}</Button></Group>}
      </Stack>
    </form>
  );
}

function Setting({ leaf, value, error, isReadOnly, onChange }: { leaf: Leaf; value: unknown; error: string | undefined; isReadOnly: boolean; onChange: (value: unknown) => void }): ReactNode {
  const words = useWords();
  const { schema, path, isRequired } = leaf;
  const range = [schema.minimum !== undefined ? words.atLeast(String(schema.minimum)) : '', schema.maximum !== undefined ? words.atMost(String(schema.maximum)) : ''].filter(Boolean).join(' ');
  const shared = {
    label: <Group gap="xs" component="span" display="inline-flex">{schema.title ?? spoken(path)}{schema.restart && <Badge variant="light" color="yellow" size="sm">{words.restart}</Badge>}</Group>,
    description: [schema.description, range, schema.default !== undefined ? `${words.default}: ${JSON.stringify(schema.default)}` : ''].filter(Boolean).join(' '),
    error, disabled: isReadOnly, withAsterisk: isRequired, name: path,
  };
  const text = value === undefined || value === null ? '' : String(value);
  if (schema.secret) return <PasswordInput {...shared} value={text === hidden ? '' : text} placeholder={text === hidden ? words.hidden : undefined} autoComplete="new-password" onChange={(e) => onChange(e.currentTarget.value)} />;
  if (schema.enum) return <Select {...shared} data={schema.enum.map(String)} value={text || null} onChange={onChange} allowDeselect={!isRequired} />;
  if (schema.type === 'boolean') return <Switch label={shared.label} description={shared.description} error={error} disabled={isReadOnly} name={path} checked={text === 'true' || text === 'True'} onChange={(e) => onChange(e.currentTarget.checked)} />;
  if (schema.type === 'integer' || schema.type === 'number') return <NumberInput {...shared} value={text} allowDecimal={schema.type === 'number'} clampBehavior="none" min={schema.minimum} max={schema.maximum} onChange={(entered) => onChange(entered === '' ? null : Number(entered))} />;
  if (schema.type === 'array') return <TagsInput {...shared} value={Array.isArray(value) ? value.map(String) : []} onChange={onChange} />;
  return <TextInput {...shared} value={text} autoComplete="off" onChange={(e) => onChange(e.currentTarget.value)} />;
}
