import { Badge, Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Table2 } from 'lucide-react';
import { Suspense, type ReactNode } from 'react';
import { Link } from 'wouter';
import { titleOf, useCatalogue, type Resource } from '../api/catalogue';
import { get } from '../api/client';
import { countRecords } from '../api/records';
import { useRecordChanges } from '../api/live';
import type { View } from '../api/session';
import { Widgets } from '../contributed/Widgets';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { useWords } from '../words';
import { Boundary, Empty, Fault, PageHead, Waiting } from './Parts';
import { visiblePages } from './Shell';

/** Resources that are followed live: a socket carries ten subscriptions, and what plugins show takes some. The others are counted anew now and then. */
const followed = 6;


/** What there is, at a glance: what plugins show, every resource with its number of records, and how the node is. */
export function Home({ view }: { view: View }): ReactNode {
  const words = useWords();
  const catalogue = useCatalogue();
  const health = useQuery({ queryKey: ['health'], queryFn: () => get('/health'), refetchInterval: 15_000, retry: false });
  const resources = (catalogue.data ?? []).filter((r) => 'read' in r.allowed);
  const counts = useQueries({ queries: resources.map((r, index) => ({ queryKey: ['records', r.name, 'count'], queryFn: () => countRecords(r), staleTime: 30_000, retry: false, refetchInterval: index < followed && !r.view ? (false as const) : 20_000 })) });
  const isWell = health.data?.status === 'Healthy';
  return (
    <>
      <PageHead title={words.home} about={view.caller.name}>
        {health.data && <Badge size="lg" variant="light" color={colourOf(health.data.status)}>{words.healthStates[health.data.status as keyof typeof words.healthStates] ?? health.data.status}</Badge>}
      </PageHead>
      <Stack gap="lg">
        {health.data && !isWell && <Fault error={new Error([...(health.data.plugins ?? []), ...(health.data.dependencies ?? [])].filter((p) => p.status !== 'Healthy').map((p) => `${p.name}: ${p.status}`).join('\n'))} />}
        <Boundary><Suspense fallback={null}><Widgets /></Suspense></Boundary>
        {catalogue.isLoading ? <Waiting /> : catalogue.error ? <Fault error={catalogue.error} retry={() => void catalogue.refetch()} /> : resources.length === 0 ? (
          <Empty title={words.noRecords} hint={words.notFoundHint} />
        ) : (
          <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
            {resources.map((r, index) => <Boundary key={r.name} name={titleOf(r)}><Count resource={r} count={counts[index]?.data ?? null} isFollowed={index < followed && !r.view} /></Boundary>)}
          </SimpleGrid>
        )}
        {visiblePages(view).length > 0 && (
          <section aria-label={words.platform}>
            <Title order={2} mb="xs">{words.platform}</Title>
            <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
              {visiblePages(view).map((p) => (
                <Card key={p.path} component={Link} href={p.path} withBorder padding="md" td="none"><Group gap="sm"><p.icon size={20} aria-hidden /><Text fw={600}>{words[p.label]}</Text></Group></Card>
              ))}
            </SimpleGrid>
          </section>
        )}
      </Stack>
    </>
  );
}

function Count({ resource, count, isFollowed }: { resource: Resource; count: number | null; isFollowed: boolean }): ReactNode {
  const format = useFormat();
  useRecordChanges(isFollowed ? resource.name : null);
  return (
    <Card component={Link} href={`/r/${resource.name}`} withBorder padding="md" td="none">
      <Group gap="xs" c="dimmed"><Table2 size={18} aria-hidden /><Text size="sm">{titleOf(resource)}</Text></Group>
      <Text fz={28} fw={650} className="figures">{count === null ? '–' : format.number(count)}</Text>
      <Text size="xs" c="dimmed">{resource.plugin} {resource.version}</Text>
    </Card>
  );
}
