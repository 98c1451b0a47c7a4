import { Button, Checkbox, Divider, NavLink, Popover, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Bookmark, BookmarkPlus, Check, ChevronDown, Link2, ListFilter, Star, Trash2, type LucideIcon } from 'lucide-react';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { Resource } from '../api/catalogue';
import { get, put, remove } from '../api/client';
import { useView } from '../api/session';
import { Entry } from '../platform/Entry';
import { Dialog, tellDone, tellFault } from '../shell/Parts';
import { useWords } from '../words';
import { tellWithUndo } from './undo';

/** A view of a list: the query of its address under a name. */
interface SavedView { name: string; query: string; default: boolean }

interface Kept { items: SavedView[] }

/** The same conditions in another order are the same view. */
const ordered = (query: string): string => [...new URLSearchParams(query)].map(([name, value]) => `${name}=${value}`).sort().join('&');

interface ViewsProps { resource: Resource; /** What the address of the list says now. */ query: string; /** The columns that are shown now, whether the address says so or not. */ columns: readonly string[]; onOpen: (query: string) => void }

/** The views that this person keeps of a list; the server keeps them, so they are there in every browser. */
export function Views({ resource, query, columns, onOpen }: ViewsProps): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const person = useView().data;
  const [isNaming, setIsNaming] = useState(false);
  const [isOpen, { toggle, close }] = useDisclosure();
  const path = { resource: resource.name };
  const key = ['views', resource.name];
  const kept = useQuery({ queryKey: key, queryFn: () => get('/api/v1/ui/views/{resource}', { path }), enabled: person !== undefined && !person.anonymous, staleTime: 60_000 });
  const views = kept.data?.items ?? [];
  const current = views.find((one) => ordered(one.query) === ordered(query));

  /** The address of exactly what is shown, so that who opens it sees the same. */
  const whole = (): string => { const all = new URLSearchParams(query); all.set('columns', columns.join(',')); return all.toString(); };

  // Who comes without a wish of their own sees the list as they have chosen to.
  const isFresh = useRef(query === '');
  const preferred = views.find((one) => one.default);
  useEffect(() => {
    if (!kept.data || !isFresh.current) return;
    isFresh.current = false;
    if (preferred && query === '') onOpen(preferred.query);
  }, [kept.data, preferred, query, onOpen]);

  const took = (now: Kept): void => { client.setQueryData(key, now); };
  const keep = async (view: SavedView): Promise<void> => took(await put('/api/v1/ui/views/{resource}', { path, body: { ...view } }));
  const forget = async (view: SavedView): Promise<void> => {
    try {
      took(await remove('/api/v1/ui/views/{resource}', { path, query: { name: view.name } }));
      tellWithUndo(words.viewForgotten(view.name), words, () => keep(view).catch((fault: unknown) => tellFault(fault, words)));
    } catch (fault) {
      tellFault(fault, words);
    }
  };
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(`${location.origin}${location.pathname}?${whole()}`);
    tellDone(words.copied);
  };

  const choice = (label: string, Icon: LucideIcon, act: () => void, { isCurrent = false, isDefault = false } = {}): ReactNode => (
    <NavLink key={label} component="button" label={label} leftSection={<Icon size={16} aria-hidden />} rightSection={isDefault ? <Star size={14} aria-label={words.opensWithIt} role="img" /> : null} active={isCurrent} aria-current={isCurrent || undefined} py={6} bdrs="sm" onClick={() => { close(); act(); }} />
  );

  return (
    <>
      <Popover opened={isOpen} onChange={(open) => { if (!open) close(); }} position="bottom-start" width={280} withRoles={false} trapFocus returnFocus shadow="md">
        <Popover.Target><Button variant="default" leftSection={<Bookmark size={16} aria-hidden />} rightSection={<ChevronDown size={14} aria-hidden />} aria-expanded={isOpen} onClick={toggle}>{current ? current.name : words.views}</Button></Popover.Target>
        <Popover.Dropdown p={4} role="region" aria-label={words.views}>
          {query !== '' && choice(words.everything, ListFilter, () => onOpen(''))}
          {views.map((view) => choice(view.name, view === current ? Check : Bookmark, () => onOpen(view.query), { isCurrent: view === current, isDefault: view.default }))}
          {(views.length > 0 || query !== '') && <Divider my={4} />}
          {choice(words.keepView, BookmarkPlus, () => setIsNaming(true))}
          {'clipboard' in navigator && choice(words.copyLink, Link2, () => void copy())}
          {current && choice(current.default ? words.opensPlain : words.opensWithIt, Star, () => void keep({ ...current, default: !current.default }).catch((fault: unknown) => tellFault(fault, words)))}
          {current && choice(words.forgetView(current.name), Trash2, () => void forget(current))}
        </Popover.Dropdown>
      </Popover>
      <Dialog isOpen={isNaming} onClose={() => setIsNaming(false)} title={words.keepView}>
        <Entry initial={{ name: current?.name ?? '', isDefault: current?.default ?? false }} confirm={words.save} cancel={() => setIsNaming(false)} submit={async ({ name, isDefault }, isThere) => { const view = { name: name.trim(), query: whole(), default: isDefault }; await keep(view); tellDone(words.saved); if (isThere()) { setIsNaming(false); onOpen(view.query); } }}>
          {({ values, set, errorOf }) => (
            <>
              <TextInput label={words.name} description={words.keepViewHint} required value={values.name} maxLength={80} error={errorOf('/name') ?? errorOf('/query')} onChange={(e) => set({ name: e.currentTarget.value })} data-autofocus />
              <Checkbox label={words.opensWithIt} checked={values.isDefault} onChange={(e) => set({ isDefault: e.currentTarget.checked })} />
            </>
          )}
        </Entry>
      </Dialog>
    </>
  );
}
