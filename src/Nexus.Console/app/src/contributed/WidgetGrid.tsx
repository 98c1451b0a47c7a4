import { Grid } from '@mantine/core';
import type { ReactNode } from 'react';
import { Panel } from './Data';
import { Draw } from './Draw';
import { PlaceContext, useSay, type WidgetView } from './part';

/** Widgets beside each other, each as wide as it says. */
export function WidgetGrid({ widgets }: { widgets: readonly WidgetView[] }): ReactNode {
  const say = useSay();
  return (
    <Grid>
      {widgets.map((widget) => (
        <Grid.Col key={`${widget.plugin} ${widget.name}`} span={{ base: 12, sm: Math.min(12, widget.width * 6), lg: widget.width * 3 }}>
          <PlaceContext value={widget}><Panel title={say(widget.title)}><Draw part={widget.content} /></Panel></PlaceContext>
        </Grid.Col>
      ))}
    </Grid>
  );
}
