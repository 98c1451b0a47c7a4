import { Text, UnstyledButton } from '@mantine/core';
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { Fragment, memo, useEffect, useLayoutEffect, useRef, useState, type CSSProperties, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { labelOf, nameOf, type Field, type Resource, type Row } from '../api/catalogue';
import { Cell } from '../kinds/Value';
import { useWords } from '../words';
import { canChange, isSortable, systemFields } from './query';
import type { RecordList } from './useRecords';

const rowHeight = 41;
/** Rows that are drawn ahead at each end, and how many where none of the rows before is seen any more. */
const [ahead, aheadOfJump] = [10, 1];
/** Browsers draw no element that is higher than some 16 million pixels. */
const mostRows = 350_000;
/** How far each list was scrolled, for who comes back from a record. */
const places = new Map<string, number>();

interface Props {
  resource: Resource;
  list: RecordList;
  fields: Field[];
  /** What the list was asked for; another one begins at its top. */
  query: string;
  sort: string;
  onSort: (sort: string) => void;
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
  onSelectAll: () => void;
}

/** A list of any length: only the rows that can be seen are in the page, and the scrollbar is that of all of them. */
export function RecordRows({ resource, list, fields, query, sort, onSort, selected, onSelect, onSelectAll }: Props): ReactNode {
  const words = useWords();
  const [, go] = useLocation();
  const canChoose = canChange(resource);
  const box = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  /** The row that a key moved to, until it is in the page: a drawing before it may still be on its way. */
  const focusNext = useRef<number | null>(null);
  /** The rows of the drawing before. */
  const seen = useRef({ startIndex: 0, endIndex: 0 });
  const count = Math.min(list.total ?? 0, mostRows);
  const place = `${resource.name}?${query}`;
  const virtual = useVirtualizer({
    count, getScrollElement: () => box.current, estimateSize: () => rowHeight, overscan: ahead,
    // The head stands over the rows.
    scrollMargin: rowHeight, scrollPaddingStart: rowHeight, initialOffset: () => places.get(place) ?? 0,
    // Who drags the scrollbar sees other rows with every frame: those ahead would be drawn for nobody. The row that the keyboard is on stays, however far it is scrolled away.
    rangeExtractor: (range) => {
      const isJump = range.startIndex > seen.current.endIndex || range.endIndex < seen.current.startIndex;
      const drawn = defaultRangeExtractor(isJump ? { ...range, overscan: aheadOfJump } : range);
      return [...new Set([...drawn, ...(active < count ? [active] : [])])].sort((a, b) => a - b);
    },
  });
  const range = virtual.range;
  useLayoutEffect(() => { if (range) seen.current = range; });
  const { look } = list;
  useEffect(() => { if (range) look(range.startIndex, range.endIndex); }, [look, range?.startIndex, range?.endIndex]);
  // Before the element leaves the page, and forgets.
  useLayoutEffect(() => {
    const scrolled = box.current;
    return () => {
      places.delete(place);
      places.set(place, scrolled?.scrollTop ?? 0);
      if (places.size > 50) places.delete(places.keys().next().value ?? '');
    };
  }, [place]);
  const before = useRef(place);
  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    focusNext.current = null;
    setActive(0);
    if (box.current) box.current.scrollTop = 0;
  }, [place]);
  useLayoutEffect(() => {
    if (focusNext.current === null) return;
    const row = box.current?.querySelector<HTMLTableRowElement>(`tr[data-index="${focusNext.current}"]`);
    if (row) { focusNext.current = null; row.focus({ preventScroll: true }); }
  });

  const open = (index: number): void => { const row = list.at(index); if (row) go(`/r/${resource.name}/${row.id}`); };
  const toggle = (index: number): void => {
    const row = list.at(index);
    if (row && canChoose) onSelect(new Set(selected.has(row.id) ? [...selected].filter((one) => one !== row.id) : [...selected, row.id]));
  };
  const move = (index: number): void => {
    const to = Math.min(count - 1, Math.max(0, index));
    focusNext.current = to;
    setActive(to);
    virtual.scrollToIndex(to);
  };
  const screen = range ? Math.max(1, range.endIndex - range.startIndex - 1) : 10;
  const keys: Record<string, (index: number) => void> = {
    'Enter': open,
    ' ': toggle,
    'ArrowDown': (index) => move(index + 1),
    'ArrowUp': (index) => move(index - 1),
    'PageDown': (index) => move(index + screen),
    'PageUp': (index) => move(index - screen),
    'Home': () => move(0),
    'End': () => move(count - 1),
  };
  const press = (event: KeyboardEvent<HTMLElement>): void => {
    const index = indexOf(event.target);
    const act = keys[event.key];
    if (index === null || !act || event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof HTMLTableRowElement)) return;
    event.preventDefault();
    act(index);
  };
  const click = (event: MouseEvent<HTMLElement>): void => {
    const index = indexOf(event.target);
    if (index === null) return;
    focusNext.current = null;
    setActive(index);
    // What one can press inside a row acts for itself.
    if (event.target instanceof Element && event.target.closest('[data-choose]')) toggle(index);
    else if (!event.defaultPrevented) open(index);
  };

  const widths = [...(canChoose ? [chooseWidth] : []), ...fields.map(widthOf)];
  const waiting = { '--row-waiting': barsOf(widths) } as CSSProperties;
  const items = virtual.getVirtualItems();
  const stop = items.some((item) => item.index === active) ? active : items[0]?.index;
  // The room of the rows that are not in the page; all of it in the first moment, so that a place can be scrolled to.
  const below = rowHeight + virtual.getTotalSize() - (items.at(-1)?.end ?? rowHeight);
  const isAll = selected.size > 0 && selected.size >= Math.min(count, list.total ?? 0);
  return (
    <div className="rows" ref={box} style={{ maxHeight: 'calc(100dvh - 230px)', minHeight: 200 }} tabIndex={-1}>
      <table aria-rowcount={(list.total ?? 0) + 1} style={{ minWidth: widths.reduce((sum, width) => sum + width, 0), ...waiting }}>
        <colgroup>{widths.map((width, column) => <col key={column} style={{ width }} />)}</colgroup>
        <thead>
          <tr style={{ height: rowHeight }} aria-rowindex={1}>
            {canChoose && <th><input type="checkbox" aria-label={words.all} checked={isAll} ref={(input) => { if (input) input.indeterminate = !isAll && selected.size > 0; }} onChange={() => (isAll ? onSelect(new Set()) : onSelectAll())} /></th>}
            {fields.map((field) => <Head key={field.name} field={field} sort={sort} onSort={onSort} />)}
          </tr>
        </thead>
        <tbody onClick={click} onKeyDown={press}>
          {items.map(({ index, start }, n) => {
            const gap = start - (items[n - 1]?.end ?? rowHeight);
            const row = list.at(index);
            return (
              <Fragment key={index}>
                {gap > 0 && <tr aria-hidden style={{ height: gap }} />}
                <RecordRow resource={resource} row={row} index={index} fields={fields} canChoose={canChoose} isSelected={row !== undefined && selected.has(row.id)} isStop={index === stop} />
              </Fragment>
            );
          })}
          {below > 0 && <tr aria-hidden style={{ height: below }} />}
        </tbody>
      </table>
    </div>
  );
}

const indexOf = (target: EventTarget): number | null => {
  const row = target instanceof Element ? target.closest<HTMLElement>('tr[data-index]') : null;
  return row ? Number(row.dataset['index']) : null;
};

/** A row is drawn anew only when something of it changed: scrolling draws those that come. */
const RecordRow = memo(function RecordRow({ resource, row, index, fields, canChoose, isSelected, isStop }: { resource: Resource; row: Row | undefined; index: number; fields: Field[]; canChoose: boolean; isSelected: boolean; isStop: boolean }): ReactNode {
  const words = useWords();
  return (
    <tr data-index={index} aria-rowindex={index + 2} tabIndex={isStop ? 0 : -1} aria-selected={canChoose ? isSelected : undefined} aria-busy={row ? undefined : true} style={{ height: rowHeight }}>
      {!row && <td className="row-waiting" colSpan={fields.length + (canChoose ? 1 : 0)} />}
      {row && canChoose && <td><input type="checkbox" data-choose aria-label={words.choose(nameOf(resource, row))} checked={isSelected} readOnly tabIndex={-1} /></td>}
      {row && fields.map((field) => <td key={field.name}><Cell field={field} value={row[field.name]} owner={resource.plugin} /></td>)}
    </tr>
  );
});

const chooseWidth = 44;

/** A bar in each column: a row on its way is one picture, however many columns it has. */
function barsOf(widths: readonly number[]): string {
  const whole = widths.reduce((sum, width) => sum + width, 0);
  let end = 0;
  const bars = widths.map((width) => {
    const from = `calc(${(100 * end) / whole}% + 12px)`, to = `${(100 * (end + 0.7 * width)) / whole}%`;
    end += width;
    return `transparent ${from}, var(--mantine-color-default-border) ${from} ${to}, transparent ${to}`;
  });
  return `linear-gradient(90deg, ${bars.join(', ')})`;
}

/** Columns keep their widths while rows come and go. */
function widthOf(field: Field): number {
  const label = (systemFields.includes(field) ? 80 : labelOf(field).length * 8) + 44;
  switch (field.kind) {
    case 'Boolean': case 'Time': return Math.max(90, label);
    case 'Integer': case 'Decimal': case 'Real': case 'Date': case 'Choice': case 'Identifier': case 'Duration': return Math.max(120, label);
    case 'Money': case 'Instant': case 'Reference': return Math.max(180, label);
    default: return Math.max(200, label);
  }
}

function Head({ field, sort, onSort }: { field: Field; sort: string; onSort: (sort: string) => void }): ReactNode {
  const words = useWords();
  const direction = sort === field.name ? 'ascending' : sort === `-${field.name}` ? 'descending' : undefined;
  const label = systemFields.includes(field) ? words[field.name as 'createdAt' | 'updatedAt' | 'owner'] : labelOf(field);
  return (
    <th scope="col" aria-sort={direction}>
      {isSortable(field) ? (
        <UnstyledButton className="sort" fz="sm" onClick={() => onSort(direction === 'ascending' ? `-${field.name}` : direction === 'descending' ? '' : field.name)}>
          {label}{direction === 'ascending' ? <ArrowUp size={14} aria-hidden /> : direction === 'descending' ? <ArrowDown size={14} aria-hidden /> : null}
        </UnstyledButton>
      ) : <Text span size="sm" fw={600}>{label}</Text>}
    </th>
  );
}
