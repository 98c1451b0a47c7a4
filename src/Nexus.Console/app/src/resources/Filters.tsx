import { Button, Group, Pill, Popover, Select, Stack, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { ListFilter } from 'lucide-react';
import { useState, type FormEvent, type ReactNode } from 'react';
import { labelOf, spoken, type Field } from '../api/catalogue';
import { plainDigits } from '../kinds/sent';
import { useFormat } from '../kinds/useFormat';
import { useWords } from '../words';
import { operatorsOf, systemFields, type Condition, type Operator } from './query';

const signs: Record<Operator, string> = { $eq: '=', $ne: '≠', $gt: '>', $gte: '≥', $lt: '<', $lte: '≤', $in: '∈', $prefix: '…' };

const isNumeric = (field: Field): boolean => ['Integer', 'Decimal', 'Real', 'Money'].includes(field.kind);

/** "12.30 EUR" as an amount of money, what is none as it is. */
function moneyOf(text: string): unknown {
  const [, amount, currency] = /^(-?[\d.]+) ([A-Z0-9]{1,12})$/.exec(text) ?? [];
  return amount && currency ? { amount, currency } : text;
}

/** The conditions of a list as pills, and a small form that adds one. */
export function Filters({ fields, conditions, onChange }: { fields: Field[]; conditions: Condition[]; onChange: (conditions: Condition[]) => void }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const [isOpen, { toggle, close }] = useDisclosure();
  const usable = fields.filter((f) => operatorsOf(f).length > 0);
  const [name, setName] = useState(usable[0]?.name ?? '');
  const field = usable.find((f) => f.name === name);
  const operators = field ? operatorsOf(field) : [];
  const [operator, setOperator] = useState<Operator>(operators[0] ?? '$eq');
  const [value, setValue] = useState('');
  if (usable.length === 0) return null;

  const title = (f: Field | undefined): string => (f && systemFields.includes(f) ? words[f.name as 'createdAt'] : f ? labelOf(f) : '');
  const choose = (next: string): void => {
    const chosen = usable.find((f) => f.name === next);
    setName(next);
    setOperator(chosen ? operatorsOf(chosen)[0] ?? '$eq' : '$eq');
    setValue('');
  };
  const add = (event: FormEvent): void => {
    event.preventDefault();
    if (!field || value === '') return;
    onChange([...conditions.filter((c) => c.field !== name || c.operator !== operator), { field: name, operator, value: field.kind === 'Instant' ? new Date(value).toISOString() : isNumeric(field) ? plainDigits(value, format.sign) : value }]);
    setValue('');
    close();
  };
  const choices = field?.kind === 'Choice' ? (field.choices ?? []).map((word) => ({ value: word, label: spoken(word) })) : field?.kind === 'Boolean' ? [{ value: 'true', label: words.yes }, { value: 'false', label: words.no }] : null;
  const type = field?.kind === 'Date' ? 'date' : field?.kind === 'Instant' ? 'datetime-local' : field?.kind === 'Time' ? 'time' : 'text';
  const told = (of: Field, text: string): string => (of.kind === 'Boolean' ? (text === 'true' ? words.yes : text === 'false' ? words.no : text) : format.value(of, of.kind === 'Money' ? moneyOf(text) : text));
  return (
    <Group gap="xs">
      <Popover opened={isOpen} onChange={(open) => { if (!open) close(); }} position="bottom-start" withArrow trapFocus returnFocus>
        <Popover.Target><Button variant="default" leftSection={<ListFilter size={16} />} onClick={toggle} aria-expanded={isOpen}>{words.filter}</Button></Popover.Target>
        <Popover.Dropdown>
          <form onSubmit={add}>
            <Stack gap="xs" w={260}>
              <Select label={words.fields} data={usable.map((f) => ({ value: f.name, label: title(f) }))} value={name} onChange={(next) => choose(next ?? '')} allowDeselect={false} searchable comboboxProps={{ withinPortal: false }} />
              <Select label={words.condition} data={operators.map((o) => ({ value: o, label: words.operators[o] }))} value={operator} onChange={(next) => setOperator((next ?? '$eq') as Operator)} allowDeselect={false} comboboxProps={{ withinPortal: false }} />
              {choices ? <Select label={title(field)} data={choices} value={value || null} onChange={(next) => setValue(next ?? '')} comboboxProps={{ withinPortal: false }} /> : <TextInput label={title(field)} type={type} placeholder={field?.kind === 'Money' ? `12${format.sign}30 EUR` : undefined} value={value} onChange={(e) => setValue(e.currentTarget.value)} />}
              <Button type="submit" disabled={value === ''}>{words.apply}</Button>
            </Stack>
          </form>
        </Popover.Dropdown>
      </Popover>
      {conditions.map((c) => {
        const of = fields.find((f) => f.name === c.field);
        return <Pill key={`${c.field}${c.operator}${c.value}`} size="lg" withRemoveButton removeButtonProps={{ 'aria-label': `${words.remove}: ${c.field}`, 'aria-hidden': false, tabIndex: 0 }} onRemove={() => onChange(conditions.filter((one) => one !== c))}>{`${title(of) || c.field} ${signs[c.operator] ?? c.operator} ${of ? (c.operator === '$in' ? c.value.split(',') : [c.value]).map((one) => told(of, one)).join(', ') : c.value}`}</Pill>;
      })}
    </Group>
  );
}
