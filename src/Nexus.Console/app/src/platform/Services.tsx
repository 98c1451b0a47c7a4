import { Badge, Card, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { get } from '../api/client';
import type { EventStatistics as Statistics, EventSubscriber as Subscriber, ServiceUse as Use, ServiceView as Service } from '../api/contract';
import { useMay } from '../api/session';
import { useFormat } from '../kinds/useFormat';
import { colourOf } from '../kinds/Value';
import { Empty, Fault, PageHead, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Graph } from './Graph';
import { Rows } from './Rows';

/** What goes from one plugin to another: calls of a service from its provider, events from who publishes them. */
interface Flow { kind: 'service' | 'event'; from: string | null; to: string; what: string; count: number; failed: number; isOptional: boolean }

const every = 5000;

/** Who uses whose services and who hears of whose events, with how much goes over each line; the same as a table. */
export function Services(): ReactNode {
  const words = useWords();
  const format = useFormat();
  const may = useMay();
  const services = useQuery({ queryKey: ['services', 'list'], queryFn: () => get('/api/v1/services'), refetchInterval: every });
  const uses = useQuery({ queryKey: ['services', 'graph'], queryFn: () => get('/api/v1/services/graph'), refetchInterval: every });
  const subscribers = useQuery({ queryKey: ['events', 'subscribers'], queryFn: () => get('/api/v1/events/subscribers'), enabled: may('platform.events:read'), refetchInterval: every });
  const statistics = useQuery({ queryKey: ['events', 'stats'], queryFn: () => get('/api/v1/events/stats'), enabled: may('platform.events:read'), refetchInterval: every });
  const plugins = useQuery({ queryKey: ['plugins', 'list'], queryFn: () => get('/api/v1/plugins'), enabled: may('platform.plugins:read'), refetchInterval: 10_000 });
  const flows = flowsOf(services.data ?? [], uses.data ?? [], subscribers.data ?? [], statistics.data?.byName ?? {}, (plugins.data ?? []).map((p) => p.id));
  const rates = useRates(flows);
  const error = services.error ?? uses.error;
  if (services.isLoading || uses.isLoading || subscribers.isLoading || statistics.isLoading) return <Waiting />;
  if (error) return <Fault error={error} retry={() => { void services.refetch(); void uses.refetch(); }} />;

  const rateOf = (flow: Flow): string => { const rate = rates.get(keyOf(flow)); return rate === undefined ? '–' : format.number(Math.round(rate)); };
  const ids = [...new Set(flows.flatMap((one) => [one.from, one.to]))].filter((id): id is string => id !== null).sort();
  const nodes = ids.map((id) => {
    const plugin = plugins.data?.find((p) => p.id === id);
    return { id, about: plugin ? `${plugin.version} · ${words.pluginStates[plugin.state as keyof typeof words.pluginStates] ?? plugin.state}` : '', colour: plugin ? colourOf(plugin.state) : 'gray', href: plugin ? `/plugins/${id}` : null };
  });
  return (
    <>
      <PageHead title={words.services} about={words.servicesAbout} />
      {flows.length === 0 && services.data?.length === 0 ? <Empty title={words.noServices} hint={words.noServicesHint} /> : (
        <Stack gap="lg">
          {flows.length > 0 && (
            <>
              <Card withBorder>
                <Text size="sm" c="dimmed" mb="sm">{words.flowHint}</Text>
                <Graph label={words.flowGraph} nodes={nodes} edges={flows.flatMap((one) => (one.from === null || one.from === one.to ? [] : [{ from: one.from, to: one.to, title: `${one.from} → ${one.to}: ${one.what}, ${words.everyMinute(rateOf(one))}`, isDashed: one.kind === 'event' }]))} />
              </Card>
              <div>
                <Title order={2} mb="xs">{words.flows}</Title>
                <Rows label={words.flows} heads={[words.from, words.to, words.what, words.category, words.count, words.perMinute, words.failedState]} width={860}>
                  {flows.map((one) => (
                    <Table.Tr key={keyOf(one)}>
                      <Table.Td fw={600}>{one.from ?? <Badge variant="light" color={one.isOptional ? 'gray' : 'red'}>{words.nobody}</Badge>}</Table.Td>
                      <Table.Td>{one.to}</Table.Td>
                      <Table.Td className="lines">{one.what}</Table.Td>
                      <Table.Td><Badge variant="light" color={one.kind === 'service' ? 'blue' : 'grape'}>{one.kind === 'service' ? words.callsOf : words.events}</Badge></Table.Td>
                      <Table.Td className="figures">{format.number(one.count)}</Table.Td>
                      <Table.Td className="figures">{rateOf(one)}</Table.Td>
                      <Table.Td className="figures">{format.number(one.failed)}</Table.Td>
                    </Table.Tr>
                  ))}
                </Rows>
              </div>
            </>
          )}
          {(services.data?.length ?? 0) > 0 && (
            <div>
              <Title order={2} mb="xs">{words.provided}</Title>
              <Rows label={words.provided} heads={[words.name, words.plugin, words.health, words.count, words.failedState]} width={720}>
                {services.data?.map((one) => (
                  <Table.Tr key={`${one.provider} ${one.name}`}>
                    <Table.Td><Text size="sm" fw={600}>{one.interface}</Text><Text size="xs" c="dimmed">{one.name}{one.bound ? ` · ${words.answersCalls}` : ''}</Text>{one.lastError && <Text size="xs" c="var(--mantine-color-error)" lineClamp={2}>{one.lastError}</Text>}</Table.Td>
                    <Table.Td>{one.provider}</Table.Td>
                    <Table.Td><Badge variant="dot" color={colourOf(one.health.status)} title={one.health.detail}>{words.healthStates[one.health.status]}</Badge></Table.Td>
                    <Table.Td className="figures">{format.number(one.calls)}</Table.Td>
                    <Table.Td className="figures">{format.number(one.errors)}</Table.Td>
                  </Table.Tr>
                ))}
              </Rows>
            </div>
          )}
        </Stack>
      )}
    </>
  );
}

const keyOf = (flow: Flow): string => `${flow.kind} ${flow.from ?? ''} ${flow.to} ${flow.what}`;

/** Whether a pattern of event names takes a name, or could take one that another pattern takes. */
const takes = (pattern: string, name: string): boolean => new RegExp(`^${pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`).test(name);

function flowsOf(services: Service[], uses: Use[], subscribers: Subscriber[], byName: Statistics['byName'], plugins: string[]): Flow[] {
  const ids = [...new Set([...plugins, ...subscribers.map((s) => s.plugin), ...services.map((s) => s.provider)])].sort((one, other) => other.length - one.length);
  const publisherOf = (name: string): string => ids.find((id) => name.startsWith(`${id}.`)) ?? 'nexus';
  const calls = uses.map((use): Flow => {
    const service = services.find((s) => s.interface === use.contract && s.provider === use.provider && s.bound) ?? services.find((s) => s.interface === use.contract && s.provider === use.provider);
    return { kind: 'service', from: use.provider ?? null, to: use.consumer, what: use.contract, count: service?.calls ?? 0, failed: service?.errors ?? 0, isOptional: !use.required };
  });
  const heard = subscribers.flatMap((one): Flow[] => {
    const names = Object.entries(byName).filter(([name]) => name !== '*' && takes(one.pattern, name));
    // What was not published yet is known by the pattern alone, where that says whose it is.
    if (names.length === 0) return one.pattern.startsWith('*') ? [] : [{ kind: 'event', from: publisherOf(one.pattern), to: one.plugin, what: one.pattern, count: 0, failed: 0, isOptional: true }];
    return names.map(([name, counts]) => ({ kind: 'event', from: publisherOf(name), to: one.plugin, what: name, count: counts.published, failed: counts.failed, isOptional: true }));
  });
  const distinct = new Map([...calls, ...heard].map((flow) => [keyOf(flow), flow]));
  // What the platform tells itself is no plugin's.
  return [...distinct.values()].filter((flow) => flow.from !== 'nexus' || flow.to !== 'nexus').sort((one, other) => keyOf(one).localeCompare(keyOf(other)));
}

/** How much goes over each line a minute, from what was counted since the page is open; the counts go on where nobody looks. */
function useRates(flows: Flow[]): ReadonlyMap<string, number> {
  const [rates, setRates] = useState<ReadonlyMap<string, number>>(new Map());
  const began = useRef(new Map<string, { at: number; count: number }>());
  const counted = JSON.stringify(flows.map((one) => [keyOf(one), one.count]));
  useEffect(() => {
    const look = (): void => {
      const now = Date.now();
      const next = new Map<string, number>();
      for (const [key, count] of JSON.parse(counted) as [string, number][]) {
        const first = began.current.get(key);
        // Fewer than before: the node began anew.
        if (!first || count < first.count) began.current.set(key, { at: now, count });
        else if (now - first.at >= every) next.set(key, ((count - first.count) * 60_000) / (now - first.at));
      }
      setRates(next);
    };
    look();
    const timer = setInterval(look, every);
    return () => clearInterval(timer);
  }, [counted]);
  return rates;
}
