import { Badge, Card, Code, Group, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { get } from '../api/client';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { Fault, PageHead, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Facts, Rows } from './Rows';


/** The nodes that live, and which of them runs which plugin in which version. */
export function Nodes(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const found = useQuery({ queryKey: ['nodes'], queryFn: () => get('/api/v1/nodes'), refetchInterval: 3000 });
  if (found.isLoading) return <Waiting />;
  if (found.error) return <Fault error={found.error} retry={() => void found.refetch()} />;
  const nodes = found.data ?? [];
  const plugins = [...new Set(nodes.flatMap((node) => node.plugins.map((held) => held.id)))].sort();
  return (
    <>
      <PageHead title={words.nodes} about={words.nodesAbout(nodes.length, format.number(nodes.length))} />
      <Stack gap="lg">
        <SimpleGrid cols={{ base: 1, md: 2, xl: 3 }}>
          {nodes.map((node) => (
            <Card key={node.id} withBorder component="article" aria-label={node.machine}>
              <Group justify="space-between" mb="sm"><Group gap="xs"><Text fw={650}>{node.machine}</Text>{node.self && <Badge variant="light">{words.thisNode}</Badge>}</Group><Group gap={4}>{node.roles.map((role) => <Badge key={role} variant="light" color="gray">{role === 'all' ? words.all : role}</Badge>)}</Group></Group>
              <Facts facts={[[words.address, <Code key="address">{node.address}</Code>], [words.version, node.version], [words.since, <span key="since" title={format.instant(node.startedAt)}>{format.ago(node.startedAt)}</span>], [words.seen, format.ago(node.seenAt)], [words.lease, `${format.number(node.leaseSeconds)} s`], [words.id, node.id]]} />
            </Card>
          ))}
        </SimpleGrid>
        <div>
          <Title order={2} mb="xs">{words.plugins}</Title>
          <Rows label={words.plugins} heads={[words.plugin, ...nodes.map((node) => `${node.machine} …${node.id.slice(-4)}`)]} width={360 + 160 * nodes.length}>
            {plugins.map((id) => (
              <Table.Tr key={id}>
                <Table.Td fw={600}>{id}</Table.Td>
                {nodes.map((node) => {
                  const held = node.plugins.find((one) => one.id === id);
                  return <Table.Td key={node.id}>{held ? <Group gap="xs"><Badge variant="light" color={colourOf(held.state)}>{words.pluginStates[held.state as keyof typeof words.pluginStates] ?? held.state}</Badge><Text span size="sm" className="figures">{held.version}</Text></Group> : '–'}</Table.Td>;
                })}
              </Table.Tr>
            ))}
          </Rows>
        </div>
      </Stack>
    </>
  );
}
