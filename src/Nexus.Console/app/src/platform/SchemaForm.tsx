import { Badge, Button, Group, NumberInput, PasswordInput, Select, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import { useRef, useState, type ReactNode } from 'react';
import { spoken } from '../api/catalogue';
import { Problem } from '../api/http';
import { patch } from '../api/records';
import { RawInput } from '../kinds/Input';
import { Fault } from '../shell/Parts';
import { useWords } from '../words';
import { below, choicesOf, hiddenValue, holdsSecret, isNullable, isRaw, isTags, leavesOf, typed, typeOf, type Leaf, type Schema } from './schema';

interface SchemaFormProps {
  schema: Schema;
  /** What is set now, by dotted key; secrets are hidden. */
  values: Record<string, string>;
  isReadOnly: boolean;
  onSubmit: (changes: Record<string, unknown>) => Promise<void>;
}

/** What a schema allows, as far as it can be told while somebody types; the node decides. */
function useCheck(): (leaf: Leaf, value: unknown) => string | undefined {
  const words = useWords();
  return ({ schema, isRequired }, value) => {
    if (value === undefined || value === null || value === '') return isRequired && schema.default === undefined ? words.required : undefined;
    const type = typeOf(schema);
    if (type === 'integer' || type === 'number') {
      const number = Number(value);
      if (!Number.isFinite(number) || (type === 'integer' && !Number.isInteger(number))) return words.mustBeNumber;
      if (schema.minimum !== undefined && number < schema.minimum) return words.atLeast(String(schema.minimum));
      if (schema.maximum !== undefined && number > schema.maximum) return words.atMost(String(schema.maximum));
    }
    if (typeof value === 'string' && type === 'string') {
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
  const leaves = leavesOf(schema, schema);
  const [draft, setDraft] = useState<Record<string, unknown>>({});
  const [fault, setFault] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [rounds, setRounds] = useState(0);
  const form = useRef<HTMLFormElement>(null);
  const valueOf = (leaf: Leaf): unknown => {
    if (leaf.path in draft) return draft[leaf.path];
    return (isTags(leaf.schema) || isRaw(leaf.schema) ? below(leaf.schema, leaf.path, values) : values[leaf.path]) ?? leaf.schema.default;
  };
  const told = fault instanceof Problem ? fault.errors : [];
  // "/plugins/{id}/key/0" belongs to the setting "key".
  const keyOf = (pointer: string): string => pointer.split('/').slice(3).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~')).join('.');
  const isOf = (leaf: Leaf, pointer: string): boolean => keyOf(pointer) === leaf.path || keyOf(pointer).startsWith(`${leaf.path}.`);
  const toldOf = (leaf: Leaf): string | undefined => told.find((one) => isOf(leaf, one.pointer))?.detail;
  const isElsewhere = told.length === 0 || told.some((one) => !leaves.some((leaf) => isOf(leaf, one.pointer)));
  const wrong = leaves.filter((leaf) => leaf.path in draft && check(leaf, draft[leaf.path]));
  const submit = async (): Promise<void> => {
    const unread = form.current?.querySelector<HTMLElement>('[data-unread]');
    if (unread) {
      unread.focus();
      return;
    }
    setIsBusy(true);
    setFault(null);
    const changes: Record<string, unknown> = {};
    for (const leaf of leaves.filter((one) => one.path in draft)) {
      const value = draft[leaf.path];
      let at = changes;
      leaf.names.slice(0, -1).forEach((name) => { at = (at[name] ??= {}) as Record<string, unknown>; });
      at[leaf.names.at(-1) ?? ''] = value === '' ? null : isTags(leaf.schema) ? (value as string[]).map((one) => typed(leaf.schema.items ?? {}, one)) : isRaw(leaf.schema) ? patch(below(leaf.schema, leaf.path, values), value) : value;
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
        {fault !== null && isElsewhere && <Fault error={fault} />}
        {leaves.map((leaf) => (
          <Setting key={`${leaf.path} ${rounds}`} leaf={leaf} isHidden={values[leaf.path] === hiddenValue} value={valueOf(leaf)} error={(leaf.path in draft ? check(leaf, draft[leaf.path]) : undefined) ?? toldOf(leaf)} isReadOnly={isReadOnly}
            onChange={(value) => setDraft((was) => {
              const { [leaf.path]: _, ...others } = was;
              // A secret that was typed and taken back is the one that is stored.
              return leaf.schema.secret && value === '' ? others : { ...others, [leaf.path]: value };
            })} />
        ))}
        {!isReadOnly && <Group justify="flex-end" gap="xs"><Button variant="default" disabled={Object.keys(draft).length === 0} onClick={() => { setDraft({}); setFault(null); setRounds(rounds + 1); }}>{words.cancel}</Button><Button type="submit" loading={isBusy} disabled={Object.keys(draft).length === 0 || wrong.length > 0}>{words.save}</Button></Group>}
      </Stack>
    </form>
  );
}

function Setting({ leaf, value, isHidden, error, isReadOnly, onChange }: { leaf: Leaf; value: unknown; /** There is a secret, which is not shown. */ isHidden: boolean; error: string | undefined; isReadOnly: boolean; onChange: (value: unknown) => void }): ReactNode {
  const words = useWords();
  const { schema, path, isRequired } = leaf;
  const range = [schema.minimum !== undefined ? words.atLeast(String(schema.minimum)) : '', schema.maximum !== undefined ? words.atMost(String(schema.maximum)) : ''].filter(Boolean).join(' ');
  const shared = {
    label: <Group gap="xs" component="span" display="inline-flex">{schema.title ?? spoken(path)}{schema.restart && <Badge variant="light" color="yellow" size="sm">{words.restart}</Badge>}</Group>,
    description: [schema.description, range, schema.default !== undefined && schema.default !== null ? `${words.default}: ${JSON.stringify(schema.default)}` : '', isRaw(schema) && holdsSecret(schema) ? words.secretsAgain : ''].filter(Boolean).join(' '),
    error, disabled: isReadOnly, withAsterisk: isRequired, name: path,
  };
  const text = value === undefined || value === null ? '' : String(value);
  if (schema.secret) return <PasswordInput {...shared} aria-invalid={Boolean(error)} value={text === hiddenValue ? '' : text} placeholder={isHidden ? words.hidden : undefined} autoComplete="new-password" onChange={(e) => onChange(e.currentTarget.value)} />;
  const choices = choicesOf(schema);
  const type = typeOf(schema);
  if (choices) return <Select {...shared} data={choices.map(String)} value={text || null} onChange={(chosen) => onChange(choices.find((one) => String(one) === chosen) ?? null)} allowDeselect={!isRequired} />;
  if (type === 'boolean' && isNullable(schema)) return <Select {...shared} data={[{ value: 'true', label: words.yes }, { value: 'false', label: words.no }]} value={text ? text.toLowerCase() : null} onChange={(chosen) => onChange(chosen === null ? null : chosen === 'true')} clearable placeholder="–" />;
  if (type === 'boolean') return <Switch label={shared.label} description={shared.description} error={error} disabled={isReadOnly} name={path} checked={text.toLowerCase() === 'true'} onChange={(e) => onChange(e.currentTarget.checked)} />;
  if (type === 'integer' || type === 'number') return <NumberInput {...shared} value={text} allowDecimal={type === 'number'} clampBehavior="none" min={schema.minimum} max={schema.maximum} onChange={(entered) => onChange(entered === '' ? null : Number(entered))} />;
  if (isTags(schema)) return <TagsInput {...shared} value={Array.isArray(value) ? value.map(String) : []} onChange={onChange} />;
  if (isRaw(schema)) return <RawInput {...shared} value={value} onChange={onChange} />;
  return <TextInput {...shared} value={text} autoComplete="off" onChange={(e) => onChange(e.currentTarget.value)} />;
}
