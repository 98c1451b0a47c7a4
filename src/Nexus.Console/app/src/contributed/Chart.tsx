import { Box, Group, Table, Text, VisuallyHidden } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { spoken } from '../api/catalogue';
import { useFormat } from '../kinds/useFormat';
import { Missing } from './Data';
import { list, measure, number, pick, shown, text, useItems, useSay, type Part } from './part';

const colours = 6;
const colour = (index: number): string => `var(--chart-${(index % colours) + 1})`;

/** Numbers as a picture. Who cannot see it has the same numbers as a table. */
export function Chart({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const format = useFormat();
  const { rows, ...bound } = useItems(part);
  const { ref, width } = useElementSize();
  if (bound.isWaiting || bound.isLoading || (bound.error !== null && rows.length === 0)) return <Missing bound={bound} lines={4} />;
  const [x, fields, kind] = [text(part, 'x') ?? '', list<string>(part, 'y'), text(part, 'kind')];
  const label = say(part['label']);
  const height = Math.min(600, Math.max(80, number(part, 'height') ?? 220));
  const shape = text(part, 'shape') ?? 'line';
  const names = rows.map((row) => shown(format, undefined, pick(row, x)));
  const isRing = shape === 'ring';
  const called = fields.map((field, index) => say(list<unknown>(part, 'labels')[index]) || spoken(field));
  const legend = isRing ? names : fields.length > 1 ? called : [];
  const series = fields.map((field) => rows.map((row) => measure(pick(row, field))));
  return (
    <figure style={{ margin: 0 }}>
      <Text component="figcaption" size="sm" fw={600} mb={4}>{label}</Text>
      <Box ref={ref} style={{ minHeight: height }}>
        {width > 0 && rows.length > 0 && (
          <svg role="img" aria-label={label} width={width} height={height} viewBox={`0 0 ${width} ${height}`} className="chart">
            {isRing ? <Ring values={series[0] ?? []} names={names} width={width} height={height} /> : <Plane shape={shape} series={series} names={names} called={called} width={width} height={height} told={fields.map((field) => rows.map((row) => shown(format, kind, pick(row, field))))} say={(value) => (kind === 'money' ? format.number(value, 2) : shown(format, kind, value))} short={(value) => new Intl.NumberFormat(format.locale, { notation: 'compact', maximumSignificantDigits: 3 }).format(value)} />}
          </svg>
        )}
      </Box>
      {legend.length > 0 && (
        <Group gap="sm" mt={4} aria-hidden>
          {legend.map((name, index) => <Group key={`${name} ${index}`} gap={6}><Box w={10} h={10} bdrs={2} style={{ background: colour(index) }} /><Text size="xs">{name}</Text></Group>)}
        </Group>
      )}
      <VisuallyHidden>
        <Table>
          <caption>{label}</caption>
          <thead><tr><th scope="col">{spoken(x)}</th>{fields.map((field, at) => <th scope="col" key={field}>{called[at]}</th>)}</tr></thead>
          <tbody>{rows.map((row, at) => <tr key={at}><th scope="row">{names[at]}</th>{fields.map((field) => <td key={field}>{shown(format, kind, pick(row, field))}</td>)}</tr>)}</tbody>
        </Table>
      </VisuallyHidden>
    </figure>
  );
}

/** Round steps that cover a range: 1, 2 or 5 times a power of ten. */
export function steps(least: number, most: number, about: number): number[] {
  const span = most - least || 1;
  const power = 10 ** Math.floor(Math.log10(span / about));
  const step = power * ([1, 2, 5, 10].find((one) => span / (one * power) <= about) ?? 10);
  const first = Math.floor(least / step);
  return Array.from({ length: Math.ceil(most / step) - first + 1 }, (_, index) => (first + index) * step);
}

interface PlaneProps { shape: string; series: number[][]; names: string[]; called: string[]; width: number; height: number; /** Each value as it is, digit for digit. */ told: string[][]; /** Marks of the axis; shorter where they would take the room of the picture. */ say: (value: number) => string; short: (value: number) => string }

function Plane({ shape, series, names, called, width, height, told, say, short }: PlaneProps): ReactNode {
  const all = series.flat();
  const marks = steps(Math.min(0, ...all), Math.max(0, ...all) || 1, Math.max(2, Math.floor(height / 48)));
  const [least, most] = [marks[0] ?? 0, marks.at(-1) ?? 1];
  const long = (form: (value: number) => string): number => 10 + 7 * Math.max(...marks.map((mark) => form(mark).length));
  const label = long(say) > width / 5 ? short : say;
  const left = Math.min(long(label), width / 2);
  const [top, bottom, right] = [8, height - 22, width - 8];
  const slot = (right - left) / Math.max(1, names.length);
  const y = (value: number): number => bottom - ((value - least) / (most - least || 1)) * (bottom - top);
  const middle = (index: number): number => left + slot * (index + 0.5);
  const every = Math.ceil(names.length / Math.max(1, Math.floor((right - left) / 64)));
  const bar = (slot * 0.7) / Math.max(1, series.length);
  return (
    <>
      {marks.map((mark) => <g key={mark}><line x1={left} x2={right} y1={y(mark)} y2={y(mark)} className="chart-line" /><text x={left - 6} y={y(mark) + 4} textAnchor="end">{label(mark)}</text></g>)}
      {names.map((name, index) => index % every === 0 && <text key={index} x={middle(index)} y={height - 6} textAnchor="middle">{name.length > 12 ? `${name.slice(0, 11)}…` : name}</text>)}
      {series.map((values, which) => {
        if (shape === 'bar') return values.map((value, index) => <rect key={`${which} ${index}`} x={middle(index) - (bar * series.length) / 2 + bar * which} width={Math.max(1, bar - 1)} y={Math.min(y(value), y(0))} height={Math.abs(y(value) - y(0))} fill={colour(which)} rx={2} />);
        const path = values.map((value, index) => `${index === 0 ? 'M' : 'L'}${middle(index).toFixed(1)},${y(value).toFixed(1)}`).join('');
        return (
          <g key={which}>
            {shape === 'area' && values.length > 0 && <path d={`${path}L${middle(values.length - 1)},${y(0)}L${middle(0)},${y(0)}Z`} fill={colour(which)} opacity={0.2} />}
            <path d={path} fill="none" stroke={colour(which)} strokeWidth={2} strokeLinejoin="round" />
          </g>
        );
      })}
      {names.map((name, index) => <rect key={index} x={left + slot * index} width={slot} y={top} height={bottom - top} className="chart-slot"><title>{[name, ...told.map((values, which) => `${called[which] ?? ''}: ${values[index] ?? ''}`)].join('\n')}</title></rect>)}
    </>
  );
}

function Ring({ values, names, width, height }: { values: number[]; names: string[]; width: number; height: number }): ReactNode {
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  const radius = Math.min(width, height) / 2 - 18;
  const round = 2 * Math.PI * radius;
  // Of nothing there are no parts: the ring is there, and empty.
  if (total === 0) return <circle cx={width / 2} cy={height / 2} r={radius} fill="none" stroke="var(--mantine-color-default-border)" strokeWidth={24} />;
  let before = 0;
  return values.map((value, index) => {
    const share = Math.max(0, value) / total;
    const from = before;
    before += share;
    return (
      <circle key={index} cx={width / 2} cy={height / 2} r={radius} fill="none" stroke={colour(index)} strokeWidth={24} strokeDasharray={`${Math.max(0, share * round - 1)} ${round}`} transform={`rotate(${from * 360 - 90} ${width / 2} ${height / 2})`}>
        <title>{`${names[index]}: ${Math.round(share * 100)} %`}</title>
      </circle>
    );
  });
}
