import { Badge, Button, Card, Code, Group, Progress, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Wrench } from 'lucide-react';
import type { ReactNode } from 'react';
import { get, post } from '../api/client';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { Empty, Fault, PageHead, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Facts, Rows } from './Rows';

/** The database of this node: how large its tables are, which declared indexes are there, how its connections are used, and its care. */
export function Database(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const may = useMay();
  const queries = useQueryClient();
  const found = useQuery({ queryKey: ['database'], queryFn: () => get('/api/v1/database'), refetchInterval: 10_000 });
  const care = useMutation({
    mutationFn: () => post('/api/v1/database/optimize'),
    onSuccess: (done) => { tellDone(words.optimized(done.indexesMade.length, format.number(done.milliseconds))); void queries.invalidateQueries({ queryKey: ['database'] }); },
    onError: (error) => tellFault(error, words),
  });
  if (found.isLoading) return <Waiting />;
  if (found.error) return <Fault error={found.error} retry={() => void found.refetch()} />;
  const database = found.data!;
  const largest = Math.max(...database.tables.map((table) => table.bytes ?? 0), 1);
  const missing = database.tables.flatMap((table) => table.indexes.filter((index) => index.missing));
  return (
    <>
      <PageHead title={words.database} about={words.databaseAbout}>
        {missing.length > 0 && <Badge color="red" variant="light" size="lg">{words.indexesMissing(missing.length)}</Badge>}
        {may('platform.database:update') && <Button variant="light" leftSection={<Wrench size={16} aria-hidden />} loading={care.isPending} onClick={() => care.mutate()}>{words.optimize}</Button>}
      </PageHead>
      <Stack gap="lg">
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <Card withBorder><Facts facts={[[words.engine, `${database.primary} ${database.version}`], [words.place, <Code key="place" className="lines">{database.place}</Code>], [words.size, format.bytes(database.bytes)], [words.standbys, database.standbys.length ? <Stack key="standbys" gap={2}>{database.standbys.map((standby) => <Text key={standby} size="sm">{standby}</Text>)}</Stack> : null]]} /></Card>
          <Card withBorder component="section" aria-label={words.connections}>
            <Text fw={600} mb="xs">{words.connections}</Text>
            {database.pools.length === 0 ? <Text size="sm" c="dimmed">{words.none}</Text> : <Stack gap="xs">{database.pools.map((pool) => (
              <div key={pool.name}>
                <Group justify="space-between"><Text size="sm">{pool.name}</Text><Text size="sm" className="figures">{words.poolUse(pool.inUse, pool.idle, pool.max)}</Text></Group>
                <Progress.Root size="sm" aria-hidden><Progress.Section value={(100 * pool.inUse) / Math.max(1, pool.max)} /><Progress.Section value={(100 * pool.idle) / Math.max(1, pool.max)} color="gray" /></Progress.Root>
              </div>
            ))}</Stack>}
          </Card>
        </SimpleGrid>
        <div>
          <Title order={2} mb="xs">{words.tables}</Title>
          {database.tables.length === 0 ? <Empty title={words.noRecords} hint={words.noTablesHint} /> : (
            <Rows label={words.tables} heads={[words.name, words.size, words.indexes]} width={760}>
              {database.tables.map((table) => (
                <Table.Tr key={table.name}>
                  <Table.Td fw={600}>{table.name}</Table.Td>
                  <Table.Td className="figures" ta="end">{table.bytes === null ? '–' : format.bytes(table.bytes)}<Progress value={(100 * (table.bytes ?? 0)) / largest} size={3} mt={6} miw={80} aria-hidden /></Table.Td>
                  <Table.Td><Group gap={4}>{table.indexes.map((index) => <Badge key={index.name} title={index.name} variant="light" color={index.missing ? 'red' : 'gray'} tt="none">{index.fields}{index.unique && ` · ${words.unique}`}{index.missing ? ` · ${words.missing}` : index.bytes !== null && ` · ${format.bytes(index.bytes)}`}</Badge>)}</Group></Table.Td>
                </Table.Tr>
              ))}
            </Rows>
          )}
        </div>
      </Stack>
    </>
  );
}
