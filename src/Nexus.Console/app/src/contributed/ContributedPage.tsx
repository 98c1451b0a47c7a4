import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { get } from '../api/client';
import { Problem } from '../api/http';
import { useView } from '../api/session';
import { Empty, Fault, PageHead, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Draw } from './Draw';
import { PlaceContext, useSay } from './part';

/** A page that a plugin declared. After a swap it is what the new version declares, with what was typed into it. */
export function ContributedPage({ plugin, name }: { plugin: string; name: string }): ReactNode {
  const words = useWords();
  const say = useSay();
  // What is not in the menu is not asked for: it went with its plugin, or is not for this person.
  const view = useView().data;
  const isThere = view?.pages.some((one) => one.plugin === plugin && one.name === name) === true;
  const page = useQuery({ queryKey: ['contributed', 'page', plugin, name, view?.version], queryFn: () => get('/api/v1/ui/pages/{plugin}/{name}', { path: { plugin, name } }), placeholderData: keepPreviousData, enabled: isThere });
  if (!isThere || (page.error instanceof Problem && page.error.status === 404)) return <Empty isPage title={words.notFound} hint={words.notFoundHint} />;
  if (page.isLoading) return <Waiting />;
  if (!page.data) return <Fault error={page.error} retry={() => void page.refetch()} />;
  return (
    <PlaceContext value={page.data}>
      <PageHead title={say(page.data.title)} about={page.data.about ? say(page.data.about) : null} />
      <Draw part={page.data.content} />
    </PlaceContext>
  );
}
