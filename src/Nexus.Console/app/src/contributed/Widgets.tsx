import { Grid } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { get } from '../api/http';
import { useView } from '../api/session';
import { Fault } from '../shell/Parts';
import { Panel } from './Data';
import { Draw } from './Draw';
import { PlaceContext, useSay, type WidgetView } from './part';

/** What plugins show on the first page. */
export function Widgets(): ReactNode {
  const say = useSay();
  // Read anew with the plugins: when the view tells of others, and not before.
  const version = useView().data?.version;
  const widgets = useQuery({ queryKey: ['contributed', 'widgets', version], queryFn: () => get<{ items: WidgetView[] }>('/api/v1/ui/widgets'), placeholderData: keepPreviousData });
  if (widgets.error) return <Fault error={widgets.error} retry={() => void widgets.refetch()} />;
  if (!widgets.data || widgets.data.items.length === 0) return null;
  return (
    <Grid>
      {widgets.data.items.map((widget) => (
        <Grid.Col key={`${widget.plugin} ${widget.name}`} span={{ base: 12, sm: Math.min(12, widget.width * 6), lg: widget.width * 3 }}>
          <PlaceContext value={widget}><Panel title={say(widget.title)}><Draw part={widget.content} /></Panel></PlaceContext>
        </Grid.Col>
      ))}
    </Grid>
  );
}
