import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { lazy, type ReactNode } from 'react';
import { get } from '../api/client';
import { useView } from '../api/session';
import { Fault } from '../shell/Parts';

// What draws them is fetched where there are some.
const WidgetGrid = lazy(async () => ({ default: (await import('./WidgetGrid')).WidgetGrid }));

/** What plugins show on the first page. */
export function Widgets(): ReactNode {
  // Read anew with the plugins: when the view tells of others, and not before.
  const version = useView().data?.version;
  const widgets = useQuery({ queryKey: ['contributed', 'widgets', version], queryFn: () => get('/api/v1/ui/widgets'), placeholderData: keepPreviousData });
  if (widgets.error) return <Fault error={widgets.error} retry={() => void widgets.refetch()} />;
  return widgets.data && widgets.data.items.length > 0 ? <WidgetGrid widgets={widgets.data.items} /> : null;
}
