import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import { useCatalogue, type Field, type Kind } from '../api/catalogue';
import { send } from '../api/http';
import { useRecordChanges } from '../api/live';
import type { Format } from '../kinds/format';
import { useAddress } from '../platform/Rows';
import type { Place } from './say';
import type { CoreConsolePart as Part } from '../api/contract';

export { useSay } from './say';

/** One part of a page, as a plugin declared it, and what holds some. */
export type { CoreConsolePart as Part, CoreConsoleWidget as WidgetView } from '../api/contract';

export const PlaceContext = createContext<Place>({ plugin: '', prefix: '', name: '' });
export const usePlace = (): Place => useContext(PlaceContext);

export const text = (part: Part, name: string): string | undefined => (typeof part[name] === 'string' ? part[name] : undefined);
export const number = (part: Part, name: string): number | undefined => (typeof part[name] === 'number' ? part[name] : undefined);
export const list = <T>(part: Part, name: string): T[] => (Array.isArray(part[name]) ? (part[name] as T[]) : []);

/** A value inside of an answer: "total.amount". */
export function pick(value: unknown, path: string | undefined): unknown {
  return (path ?? '').split('.').filter(Boolean).reduce<unknown>((at, step) => (at === null || at === undefined ? undefined : (at as Record<string, unknown>)[step]), value);
}

/** A source as an address of the node; null while a word of the page's address that it needs is missing. */
export function useAddressOf(): (source: string | undefined) => string | null {
  const { prefix } = usePlace();
  const [read] = useAddress();
  return (source) => {
    if (!source) return null;
    let isWhole = true;
    const filled = source.replace(/\{([^}]+)\}/g, (_, word: string) => {
      const value = read(word);
      if (!value) isWhole = false;
      return encodeURIComponent(value);
    });
    return isWhole ? (filled.startsWith('/') ? filled : `${prefix}/${filled}`) : null;
  };
}

export interface Bound { value: unknown; total: number | null; isLoading: boolean; isWaiting: boolean; error: unknown; retry: () => void }

/** What a part's source answers now; read anew when records of it change, when its plugin is swapped, and after the seconds that it asks for. */
export function useSource(part: Part): Bound {
  const addressOf = useAddressOf();
  const address = addressOf(text(part, 'source'));
  const resource = useCatalogue().data?.find((r) => address !== null && (address === r.path || address.startsWith(`${r.path}?`) || address.startsWith(`${r.path}/`)));
  useRecordChanges(resource && !resource.view ? resource.name : null);
  const every = number(part, 'every');
  const found = useQuery({
    queryKey: resource ? ['records', resource.name, 'part', address] : ['parts', address],
    queryFn: ({ signal }) => send<unknown>('GET', address ?? '', { signal }),
    enabled: address !== null,
    placeholderData: keepPreviousData,
    ...(every ? { refetchInterval: Math.max(2, every) * 1000 } : {}),
  });
  return { value: found.data?.value, total: found.data?.total ?? null, isLoading: address !== null && found.isLoading, isWaiting: part['source'] !== undefined && address === null, error: found.error, retry: () => void found.refetch() };
}

/** Rows of a part: its own, else those of its source. */
export function useItems(part: Part): Bound & { rows: Record<string, unknown>[] } {
  const bound = useSource(part);
  const found = part['rows'] ?? pick(bound.value, text(part, 'items'));
  return { ...bound, rows: Array.isArray(found) ? (found as Record<string, unknown>[]) : [] };
}

const kinds: Record<string, Kind> = { number: 'Real', money: 'Money', date: 'Date', instant: 'Instant', choice: 'Choice', boolean: 'Boolean', text: 'Text' };

/** A value as a field of the console has it, with the kind that was declared or that it looks like. */
export function fieldOf(kind: string | undefined, value: unknown): Field {
  const guessed: Kind = typeof value === 'number' ? 'Real' : typeof value === 'boolean' ? 'Boolean' : value && typeof value === 'object' && 'amount' in value && 'currency' in value ? 'Money' : value && typeof value === 'object' ? 'Json' : 'Text';
  return { name: '', kind: (kind ? kinds[kind] : undefined) ?? guessed };
}

export function shown(format: Format, kind: string | undefined, value: unknown): string {
  if (value === null || value === undefined || value === '') return '–';
  if (kind === 'percent') return `${format.number(value)} %`;
  return format.value(fieldOf(kind, value), value);
}

/** A number to draw with; what is shown beside it comes from the exact value. */
export const measure = (value: unknown): number => Number(value && typeof value === 'object' && 'amount' in value ? value.amount : value) || 0;
