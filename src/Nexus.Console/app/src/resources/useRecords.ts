import { useThrottledCallback } from '@mantine/hooks';
import { keepPreviousData, useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Resource, Row } from '../api/catalogue';
import type { Answer } from '../api/http';
import { listRecords } from '../api/records';

const pageSize = 100;
/** How long pages are looked at before it counts, in milliseconds. */
const moment = 100;

/** How many ids are read at once when all are chosen: what one change of several records takes. */
export const mostChosen = 1000;

/** A list of any length of which only the pages that are looked at are read, each by its number, so that one may jump anywhere. */
export interface RecordList {
  /** How many records there are; null until the first answer. */
  total: number | null;
  /** The record at a place of the list; undefined while it is on its way. */
  at: (place: number) => Row | undefined;
  /** Tells which places are seen; may be called with every frame. */
  look: (first: number, last: number) => void;
  isLoading: boolean;
  isReading: boolean;
  error: unknown;
  readAgain: () => void;
}

/** The records of a resource that a query (as in an address) finds. */
export function useRecords(resource: Resource, query: string): RecordList {
  const client = useQueryClient();
  const key = useMemo(() => ['records', resource.name, 'list', resource.path, query] as const, [resource.name, resource.path, query]);
  const [seen, setSeen] = useState<readonly number[]>([]);
  const part = (rest: string): string => `${query ? `${query}&` : ''}limit=${pageSize}&${rest}`;

  // The first page brings the count, and stays until that of another query is there.
  const first = useQuery({ queryKey: [...key, 0], queryFn: ({ signal }) => listRecords(resource, part('count=true'), signal), placeholderData: keepPreviousData });
  const total = first.data ? first.data.total ?? first.data.value.length : null;
  const numbers = seen.filter((number) => number > 0 && number * pageSize < (total ?? 0));
  const others = useQueries({
    queries: numbers.map((number) => ({ queryKey: [...key, number], queryFn: ({ signal }: { signal: AbortSignal }) => listRecords(resource, part(`page=${number + 1}`), signal), gcTime: 60_000 })),
  });

  // Pages that were passed by before stay known for a while.
  const at = (place: number): Row | undefined => {
    const number = Math.floor(place / pageSize);
    const page = number === 0 ? first.data : client.getQueryData<Answer<Row[]>>([...key, number]);
    return page?.value[place % pageSize];
  };
  const read = useCallback((from: number, to: number) => setSeen((before) => {
    const pages = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    return pages.join() === before.join() ? before : pages;
  }), []);
  // Who drags the scrollbar passes hundreds of pages a second. What is out of sight again a moment later is not read: no answer would come in time, and drawing those that come costs frames.
  const looked = useRef({ from: 0, to: 0, at: -Infinity });
  const resting = useRef<number>(undefined);
  useEffect(() => () => window.clearTimeout(resting.current), []);
  const readSoon = useThrottledCallback((from: number, to: number, isMoving: boolean) => {
    const isPassing = isMoving && (from > looked.current.to || to < looked.current.from);
    Object.assign(looked.current, { from, to });
    if (isPassing) resting.current = window.setTimeout(() => read(from, to), moment);
    else read(from, to);
  }, moment);
  const look = useCallback((first: number, last: number) => {
    const at = performance.now();
    window.clearTimeout(resting.current);
    readSoon(Math.max(0, Math.floor((first - pageSize / 2) / pageSize)), Math.floor((last + pageSize / 2) / pageSize), at - looked.current.at < moment);
    looked.current.at = at;
  }, [readSoon]);

  const all = [first, ...others];
  return {
    total, at, look,
    isLoading: first.isLoading,
    isReading: all.some((page) => page.isFetching),
    // What was read before stays when reading it again fails.
    error: all.find((page) => page.error && !page.data)?.error ?? null,
    readAgain: () => all.forEach((page) => void page.refetch()),
  };
}

/** The first records of a list, for who chooses all: no more than one change of several takes. */
export async function chooseAll(resource: Resource, query: string): Promise<string[]> {
  const answer = await listRecords(resource, `${query ? `${query}&` : ''}fields=id&limit=${mostChosen}`);
  return answer.value.map((row) => row.id);
}
