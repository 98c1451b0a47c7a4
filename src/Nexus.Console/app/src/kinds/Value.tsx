import { Anchor, Badge, Code, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { labelOf, nameOf, useCatalogue, type Field } from '../api/catalogue';
import { findRecord } from '../api/records';
import { useFormat } from './useFormat';

/** A value as the field's kind asks for it; a renderer for every kind there is. */
export function Value({ field, value, owner, isShort = false }: { field: Field; value: unknown; owner: string; isShort?: boolean }): ReactNode {
  const format = useFormat();
  if (isNothing(value)) return <Text span c="dimmed" aria-label={format.words.none}>–</Text>;
  const text = format.value(field, value);
  switch (field.kind) {
    case 'Choice':
      return <Badge variant="light" color={colourOf(String(value))} tt="none" radius="sm">{text}</Badge>;
    case 'Integer': case 'Decimal': case 'Real': case 'Money':
      return <Text span fz="inherit" className="figures">{text}</Text>;
    case 'Reference':
      return <Reference target={field.target ?? ''} id={String(value)} owner={owner} />;
    case 'List':
      if (field.element?.kind === 'Reference') return <Group gap={8} component="span">{(value as unknown[]).map((one, index) => <Value key={index} field={field.element!} value={one} owner={owner} />)}</Group>;
      if (isShort || field.element?.kind !== 'Group') return <Text span fz="inherit" lineClamp={isShort ? 1 : undefined}>{text}</Text>;
      return <Stack gap="xs">{(value as unknown[]).map((one, index) => <Parts key={index} field={field.element!} value={one} owner={owner} />)}</Stack>;
    case 'Identifier':
      return <Text span className="figures" c="dimmed" title={text}>{isShort ? `…${text.slice(-8)}` : text}</Text>;
    case 'Multiline':
      return isShort ? <Text span fz="inherit" lineClamp={1}>{text}</Text> : <Text className="lines">{text}</Text>;
    case 'Json': case 'Map': case 'Group':
      return isShort ? <Text span fz="inherit" lineClamp={1}>{text}</Text> : <Parts field={field} value={value} owner={owner} />;
    default:
      return <Text span fz="inherit" lineClamp={isShort ? 1 : undefined}>{text}</Text>;
  }
}

/** A value in a row that cuts off what is too long: plain text where that will do, for rows are drawn while somebody scrolls. */
export function Cell({ field, value, owner }: { field: Field; value: unknown; owner: string }): ReactNode {
  const format = useFormat();
  if (isNothing(value)) return <span className="nothing" aria-label={format.words.none}>–</span>;
  switch (field.kind) {
    case 'Choice': case 'Reference': case 'List': case 'Identifier': return <Value field={field} value={value} owner={owner} isShort />;
    case 'Integer': case 'Decimal': case 'Real': case 'Money': return <span className="figures">{format.value(field, value)}</span>;
    default: return format.value(field, value);
  }
}

const isNothing = (value: unknown): boolean => value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);

function Parts({ field, value, owner }: { field: Field; value: unknown; owner: string }): ReactNode {
  if (field.kind !== 'Group') return <Code block>{JSON.stringify(value, null, 2)}</Code>;
  return (
    <Stack gap={4}>
      {(field.fields ?? []).map((part) => (
        <div key={part.name}>
          <Text span size="sm" c="dimmed">{labelOf(part)}: </Text>
          <Value field={part} value={(value as Record<string, unknown>)[part.name]} owner={owner} />
        </div>
      ))}
    </Stack>
  );
}

/** The record that is referred to, by its name; its id where it may not be read. */
function Reference({ target, id, owner }: { target: string; id: string; owner: string }): ReactNode {
  const catalogue = useCatalogue();
  const resource = catalogue.data?.find((r) => r.name === target || r.name === `${owner}.${target}`);
  const record = useQuery({ queryKey: ['records', resource?.name, id], queryFn: () => findRecord(resource!, id), enabled: resource !== undefined, staleTime: 60_000, retry: false });
  const label = resource && record.data ? nameOf(resource, record.data) : `…${id.slice(-8)}`;
  return resource ? <Anchor component={Link} href={`/r/${resource.name}/${id}`} onClick={(event: React.MouseEvent) => event.stopPropagation()}>{label}</Anchor> : <Text span className="figures">{label}</Text>;
}

/** States are told by word and by colour: green is over and well, red is over and not, blue goes on. */
export function colourOf(word: string): string {
  const text = word.toLowerCase();
  if (/^(active|healthy|paid|done|success|succeeded|completed|delivered|approved|enabled|posted|open_ok|sent|ok)$/.test(text)) return 'teal';
  if (/(fail|error|unhealthy|dead|reject|denied|refused|quarantin|overdue|blocked)/.test(text)) return 'red';
  if (/(cancel|disabled|stopped|closed|archiv|expired|void)/.test(text)) return 'gray';
  if (/(degraded|warn|pending|waiting|draft|retry)/.test(text)) return 'yellow';
  return 'blue';
}
