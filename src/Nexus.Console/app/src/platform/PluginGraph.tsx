import { Badge, Card, Group, Text } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { get } from '../api/client';
import type { PluginView } from '../api/contract';
import { colourOf } from '../kinds/Value';
import { useWords } from '../words';
import { Graph } from './Graph';

/** What needs what, from left to right: each plugin stands to the right of all that it needs. */
export function PluginGraph({ plugins }: { plugins: PluginView[] }): ReactNode {
  const words = useWords();
  const details = useQueries({ queries: plugins.map((p) => ({ queryKey: ['plugins', 'one', p.id], queryFn: () => get('/api/v1/plugins/{id}', { path: { id: p.id } }), staleTime: 30_000 })) });
  const known = new Set(plugins.map((p) => p.id));
  const needs = plugins.flatMap((p, at) => (details[at]?.data?.manifest?.dependencies ?? []).map((one) => ({ from: one.id, to: p.id, title: words.needs(p.id, one.id, one.range), isDashed: one.optional === true })));
  const unmet = needs.filter((one) => !known.has(one.from));
  return (
    <Card withBorder>
      <Group gap="xs" mb="sm"><Text size="sm" c="dimmed">{words.graphHint}</Text></Group>
      <Graph label={words.graph} edges={needs} nodes={plugins.map((p) => ({ id: p.id, about: `${p.version} · ${words.pluginStates[p.state as keyof typeof words.pluginStates] ?? p.state}`, colour: colourOf(p.state), href: `/plugins/${p.id}` }))} />
      {unmet.length > 0 && <Group gap="xs" mt="sm">{unmet.map((one) => <Badge key={one.title} variant="light" color={one.isDashed ? 'gray' : 'red'}>{one.title}</Badge>)}</Group>}
    </Card>
  );
}
