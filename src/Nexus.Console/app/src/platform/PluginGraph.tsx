import { Badge, Card, Group, Text } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import { get } from '../api/http';
import { colourOf } from '../kinds/Value';
import { useWords } from '../words';
import type { PluginView } from './Plugins';
import type { PluginDetail } from './PluginPage';

const [boxWidth, boxHeight, gapX, gapY, edge] = [190, 46, 70, 18, 12];

/** What needs what, from left to right: each plugin stands to the right of all that it needs. */
export function PluginGraph({ plugins }: { plugins: PluginView[] }): ReactNode {
  const words = useWords();
  const [, go] = useLocation();
  const details = useQueries({ queries: plugins.map((p) => ({ queryKey: ['plugins', 'one', p.id], queryFn: () => get<PluginDetail>(`/api/v1/plugins/${encodeURIComponent(p.id)}`), staleTime: 30_000 })) });
  const needs = new Map(plugins.map((p, at) => [p.id, details[at]?.data?.manifest?.dependencies ?? []]));
  const rankOf = (id: string, seen: readonly string[]): number => (seen.includes(id) ? 0 : Math.max(0, ...(needs.get(id) ?? []).filter((one) => needs.has(one.id)).map((one) => 1 + rankOf(one.id, [...seen, id]))));
  const ranks = new Map(plugins.map((p) => [p.id, rankOf(p.id, [])]));
  const columns = Map.groupBy(plugins, (p) => ranks.get(p.id) ?? 0);
  const places = new Map([...columns].flatMap(([rank, own]) => own.map((p, row) => [p.id, { x: edge + rank * (boxWidth + gapX), y: edge + row * (boxHeight + gapY) }] as const)));
  const width = 2 * edge + Math.max(...columns.keys()) * (boxWidth + gapX) + boxWidth;
  const height = 2 * edge + Math.max(...[...columns.values()].map((own) => own.length)) * (boxHeight + gapY) - gapY;
  return (
    <Card withBorder>
      <Group gap="xs" mb="sm"><Text size="sm" c="dimmed">{words.graphHint}</Text></Group>
      <div style={{ overflow: 'auto' }} tabIndex={0} role="region" aria-label={words.graph}>
        <svg width={width} height={height} className="graph">
          {plugins.flatMap((p) => (needs.get(p.id) ?? []).map((one) => {
            const [to, from] = [places.get(p.id), places.get(one.id)];
            if (!to || !from) return null;
            const [x1, y1, x2, y2] = [from.x + boxWidth, from.y + boxHeight / 2, to.x, to.y + boxHeight / 2];
            return <path key={`${p.id} ${one.id}`} d={`M${x1},${y1}C${x1 + gapX / 2},${y1} ${x2 - gapX / 2},${y2} ${x2},${y2}`} className="graph-edge" strokeDasharray={one.optional ? '4 4' : undefined}><title>{words.needs(p.id, one.id, one.range)}</title></path>;
          }))}
          {plugins.map((p) => {
            const at = places.get(p.id);
            return at && (
              <a key={p.id} href={`/console/plugins/${p.id}`} onClick={(event) => { event.preventDefault(); go(`/${p.id}`); }}>
                <rect x={at.x} y={at.y} width={boxWidth} height={boxHeight} rx={8} className="graph-box" style={{ stroke: `var(--mantine-color-${colourOf(p.state)}-filled)` }} />
                <text x={at.x + 12} y={at.y + 20} className="graph-name">{p.id.length > 22 ? `${p.id.slice(0, 21)}…` : p.id}</text>{' '}
                <text x={at.x + 12} y={at.y + 36} className="graph-about">{p.version} · {words.pluginStates[p.state as keyof typeof words.pluginStates] ?? p.state}</text>
              </a>
            );
          })}
        </svg>
      </div>
      {plugins.some((p) => (needs.get(p.id) ?? []).some((one) => !needs.has(one.id))) && (
        <Group gap="xs" mt="sm">{plugins.flatMap((p) => (needs.get(p.id) ?? []).filter((one) => !needs.has(one.id)).map((one) => <Badge key={`${p.id} ${one.id}`} variant="light" color={one.optional ? 'gray' : 'red'}>{words.needs(p.id, one.id, one.range)}</Badge>))}</Group>
      )}
    </Card>
  );
}
