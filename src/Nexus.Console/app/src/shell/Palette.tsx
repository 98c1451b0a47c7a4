import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight';
import { useDebouncedValue } from '@mantine/hooks';
import { useQueries } from '@tanstack/react-query';
import { FilePlus2, House, Search, Table2 } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { nameOf, titleOf, useCatalogue } from '../api/catalogue';
import { listRecords } from '../api/records';
import type { View } from '../api/session';
import { iconOf } from '../contributed/icons';
import { useSay } from '../contributed/say';
import { useWords } from '../words';
import { visiblePages } from './Shell';

/** Ctrl-K: goes to any page or record, and begins any creation, from the keyboard. */
export function Palette({ view }: { view: View }): ReactNode {
  const words = useWords();
  const [, go] = useLocation();
  const say = useSay();
  const catalogue = useCatalogue();
  const [query, setQuery] = useState('');
  const [wanted] = useDebouncedValue(query.trim(), 150);
  const resources = (catalogue.data ?? []).filter((r) => 'read' in r.allowed);
  const searched = wanted.length < 2 ? [] : resources.filter((r) => r.search.length > 0);
  const found = useQueries({ queries: searched.map((r) => ({ queryKey: ['records', r.name, 'palette', wanted], queryFn: async ({ signal }: { signal: AbortSignal }) => (await listRecords(r, `limit=5&q=${encodeURIComponent(wanted)}`, signal)).value, retry: false })) });

  const action = (id: string, label: string, path: string, leftSection: ReactNode, description?: string): SpotlightActionData => ({ id, label, leftSection, ...(description ? { description } : {}), onClick: () => go(path) });
  const groups: SpotlightActionGroupData[] = [
    { group: words.platform, actions: [action('home', words.home, '/', <House size={18} />), ...view.pages.map((p) => { const Icon = iconOf(p.icon); return action(p.path, say(p.title), p.path, <Icon size={18} />, p.plugin); }), ...visiblePages(view).map((p) => action(p.path, words[p.label], p.path, <p.icon size={18} />))] },
    { group: words.data, actions: resources.map((r) => action(`list ${r.name}`, titleOf(r), `/r/${r.name}`, <Table2 size={18} />, r.name)) },
    { group: words.actions, actions: resources.filter((r) => 'create' in r.allowed).map((r) => action(`create ${r.name}`, words.createOne(r.singular), `/r/${r.name}/new`, <FilePlus2 size={18} />)) },
  ];
  const records = searched.flatMap((r, index) => (found[index]?.data ?? []).map((row) => action(`record ${row.id}`, nameOf(r, row), `/r/${r.name}/${row.id}`, <Search size={18} />, titleOf(r))));
  return (
    <Spotlight
      actions={[...groups, { group: words.search, actions: records }]}
      query={query}
      onQueryChange={setQuery}
      shortcut={['mod + K', '/']}
      // What the server found matches, whatever its text is.
      filter={(text, all) => all.flatMap((one) => {
        if (!('actions' in one)) return [];
        const needle = text.trim().toLowerCase();
        const matching = one.group === words.search ? one.actions : one.actions.filter((a) => `${a.label} ${a.description ?? ''}`.toLowerCase().includes(needle));
        return matching.length > 0 ? [{ ...one, actions: matching }] : [];
      })}
      nothingFound={words.noMatches}
      limit={30}
      scrollable
      maxHeight={420}
      highlightQuery
      onSpotlightClose={() => setQuery('')}
      searchProps={{ leftSection: <Search size={18} />, placeholder: words.searchEverything, 'aria-label': words.searchEverything }}
    />
  );
}

