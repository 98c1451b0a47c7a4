import type { ReactNode } from 'react';
import { useLocation } from 'wouter';

/** A box of a graph. */
export interface GraphNode { id: string; about: string; /** Name of a colour of the theme for its border. */ colour: string; /** Page of the console that it leads to; null leads nowhere. */ href: string | null }

/** A line from a box to one that stands to its right. */
export interface GraphEdge { from: string; to: string; /** What it means, in words. */ title: string; isDashed?: boolean }

const [boxWidth, boxHeight, gapX, gapY, edge] = [190, 46, 70, 18, 12];

/** Boxes and lines from left to right: each box stands to the right of all that its lines come from. It scrolls by itself. */
export function Graph({ label, nodes, edges }: { label: string; nodes: readonly GraphNode[]; edges: readonly GraphEdge[] }): ReactNode {
  const [, go] = useLocation();
  const known = new Set(nodes.map((node) => node.id));
  const sources = Map.groupBy(edges.filter((one) => known.has(one.from) && one.from !== one.to), (one) => one.to);
  const ranks = new Map<string, number>();
  const rankOf = (id: string, path: ReadonlySet<string>): number => {
    const ranked = ranks.get(id);
    if (ranked !== undefined) return ranked;
    // Where they lead in a circle, the line that closes it goes back.
    const rank = Math.max(0, ...(sources.get(id) ?? []).filter((one) => !path.has(one.from)).map((one) => 1 + rankOf(one.from, new Set([...path, id]))));
    ranks.set(id, rank);
    return rank;
  };
  const columns = Map.groupBy(nodes, (node) => rankOf(node.id, new Set([node.id])));
  const places = new Map([...columns].flatMap(([rank, own]) => own.map((node, row) => [node.id, { x: edge + rank * (boxWidth + gapX), y: edge + row * (boxHeight + gapY) }] as const)));
  const width = 2 * edge + Math.max(0, ...columns.keys()) * (boxWidth + gapX) + boxWidth;
  const height = 2 * edge + Math.max(1, ...[...columns.values()].map((own) => own.length)) * (boxHeight + gapY) - gapY;
  const box = (node: GraphNode): ReactNode => {
    const place = places.get(node.id);
    return place && (
      <>
        <rect x={place.x} y={place.y} width={boxWidth} height={boxHeight} rx={8} className="graph-box" style={{ stroke: `var(--mantine-color-${node.colour}-filled)` }} />
        <text x={place.x + 12} y={place.y + 20} className="graph-name">{node.id.length > 22 ? `${node.id.slice(0, 21)}…` : node.id}</text>{' '}
        <text x={place.x + 12} y={place.y + 36} className="graph-about">{node.about}</text>
      </>
    );
  };
  return (
    <div style={{ overflow: 'auto' }} tabIndex={0} role="region" aria-label={label}>
      <svg width={width} height={height} className="graph">
        {edges.map((one) => {
          const [from, to] = [places.get(one.from), places.get(one.to)];
          if (!to || !from) return null;
          const [x1, y1, x2, y2] = [from.x + boxWidth, from.y + boxHeight / 2, to.x, to.y + boxHeight / 2];
          return <path key={`${one.from} ${one.to} ${one.title}`} d={`M${x1},${y1}C${x1 + gapX / 2},${y1} ${x2 - gapX / 2},${y2} ${x2},${y2}`} className="graph-edge" strokeDasharray={one.isDashed ? '4 4' : undefined}><title>{one.title}</title></path>;
        })}
        {nodes.map((node) => (node.href === null ? <g key={node.id}>{box(node)}</g> : (
          <a key={node.id} href={`/console${node.href}`} onClick={(event) => { event.preventDefault(); go(`~/console${node.href}`); }}>{box(node)}</a>
        )))}
      </svg>
    </div>
  );
}
