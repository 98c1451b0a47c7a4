import { Badge, Card, Group, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { spoken } from '../api/catalogue';
import { get } from '../api/client';
import type { PartHealth as Part } from '../api/contract';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { Fault, PageHead, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Rows } from './Rows';


/** How this node is: its parts, what it depends on and how fast that answers. */
export function Health(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const health = useQuery({ queryKey: ['health'], queryFn: () => get('/health'), refetchInterval: 5000 });
  const status = useQuery({ queryKey: ['status'], queryFn: () => get('/api/v1/status'), refetchInterval: 5000 });
  if (health.isLoading || status.isLoading) return <Waiting />;
  const error = health.error ?? status.error;
  if (error) return <Fault error={error} retry={() => { void health.refetch(); void status.refetch(); }} />;
  return (
    <>
      <PageHead title={words.health} about={status.data && `Nexus ${status.data.version} · .NET ${status.data.runtime.version} · ${format.ago(status.data.startedAt)}`}>
        <Badge size="lg" variant="light" color={colourOf(health.data?.status ?? '')}>{words.healthStates[health.data?.status as keyof typeof words.healthStates] ?? health.data?.status}</Badge>
      </PageHead>
      <Stack gap="lg">
        <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
          {status.data?.components.map((c) => (
            <Card key={c.name} withBorder>
              <Group justify="space-between" mb={4}><Text fw={600}>{words.nodeParts[c.name] ?? c.description}</Text><Badge variant="dot" color={colourOf(c.status)}>{words.healthStates[c.status as keyof typeof words.healthStates] ?? c.status}</Badge></Group>
              {Object.entries(c.counts).map(([name, value]) => <Group key={name} justify="space-between"><Text size="sm" c="dimmed">{words.nodeCounts[name] ?? spoken(name)}</Text><Text size="sm" className="figures">{typeof value === 'number' ? format.number(value) : value}</Text></Group>)}
            </Card>
          ))}
        </SimpleGrid>
        <Parts title={words.dependencies} parts={health.data?.dependencies ?? []} />
        <Parts title={words.plugins} parts={health.data?.plugins ?? []} />
      </Stack>
    </>
  );
}

function Parts({ title, parts }: { title: string; parts: Part[] }): ReactNode {
  const words = useWords();
  const format = useFormat();
  return (
    <div>
      <Title order={2} mb="xs">{title}</Title>
      <Rows label={title} heads={[words.name, words.status, words.description, 'ms']} width={520}>
        {parts.map((p) => (
          <Table.Tr key={p.name}>
            <Table.Td>{p.name}</Table.Td>
            <Table.Td><Badge variant="light" color={colourOf(p.status)}>{words.healthStates[p.status as keyof typeof words.healthStates] ?? p.status}</Badge></Table.Td>
            <Table.Td>{p.detail ?? words.pluginStates[p.state as keyof typeof words.pluginStates] ?? p.state}</Table.Td>
            <Table.Td className="figures">{p.latencyMs === undefined ? '' : format.number(p.latencyMs, 1)}</Table.Td>
          </Table.Tr>
        ))}
      </Rows>
    </div>
  );
}
