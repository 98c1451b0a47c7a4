import { Anchor, Badge, Box, Button, Card, Code, Group, SegmentedControl, SimpleGrid, Stack, Table, Text, Title, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { spoken } from '../api/catalogue';
import { get } from '../api/client';
import type { CoreConsoleComponentType as Type } from '../api/contract';
import { Draw } from '../contributed/Draw';
import { useFormat } from '../kinds/useFormat';
import { Boundary, Empty, Fault, PageHead, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Rows } from './Rows';

const groups = ['layout', 'form', 'data', 'feedback', 'navigation', 'own'] as const;
const tones = ['indigo', 'teal', 'yellow', 'red', 'gray'] as const;

/** The one visual language: colours, type and spacing, and every component that a plugin's page can be made of, with how it is declared. */
export function Showcase(): ReactNode {
  const words = useWords();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const catalogue = useQuery({ queryKey: ['components'], queryFn: () => get('/api/v1/ui/components'), staleTime: Infinity });
  return (
    <>
      <PageHead title={words.showcase} about={words.showcaseAbout}>
        <SegmentedControl aria-label={words.theme} value={colorScheme} onChange={(scheme) => setColorScheme(scheme as MantineColorScheme)} data={[{ value: 'light', label: words.light }, { value: 'dark', label: words.dark }, { value: 'auto', label: words.system }]} />
      </PageHead>
      <Stack gap="xl">
        <section aria-label={words.visualLanguage}><Title order={2} mb="sm">{words.visualLanguage}</Title><Language /></section>
        {catalogue.isLoading ? <Waiting /> : catalogue.error ? <Fault error={catalogue.error} retry={() => void catalogue.refetch()} /> : groups.map((group) => (
          <section key={group} aria-label={words.componentGroups[group]}>
            <Title order={2} mb="sm">{words.componentGroups[group]}</Title>
            <SimpleGrid cols={{ base: 1, lg: 2 }}>{catalogue.data?.types.filter((type) => type.group === group).map((type) => <Shown key={type.name} type={type} />)}</SimpleGrid>
          </section>
        ))}
        <section aria-label={words.states}>
          <Title order={2} mb="sm">{words.states}</Title>
          <SimpleGrid cols={{ base: 1, md: 3 }}>
            <Card withBorder><Empty title={words.noRecords} hint={words.noRecordsHint} /></Card>
            <Card withBorder><Fault error={new Error(words.goneHint)} retry={() => undefined} /></Card>
            <Card withBorder><Boundary name={words.showcase}><Breaking /></Boundary></Card>
          </SimpleGrid>
        </section>
      </Stack>
    </>
  );
}

function Language(): ReactNode {
  const words = useWords();
  const format = useFormat();
  return (
    <SimpleGrid cols={{ base: 1, md: 3 }}>
      <Card withBorder>
        <Stack gap="xs">
          {tones.map((tone) => <Group key={tone} gap="xs"><Box w={28} h={28} bdrs="sm" bg={`var(--mantine-color-${tone}-filled)`} data-colour={tone} /><Badge variant="light" color={tone}>{tone}</Badge></Group>)}
          <Group gap={4}>{[1, 2, 3, 4, 5, 6].map((one) => <Box key={one} w={28} h={12} bdrs="xs" style={{ background: `var(--chart-${one})` }} />)}</Group>
        </Stack>
      </Card>
      <Card withBorder>
        <Text fz="1.5rem" fw={650}>{words.home} 1.5</Text>
        <Text fz="1.15rem" fw={650}>{words.details} 1.15</Text>
        <Text>{words.description} 1</Text>
        <Text size="sm" c="dimmed">{words.optional} 0.875</Text>
        <Text className="figures">{format.number('1234567.89')}</Text>
        <Code>GET /api/v1/ui/components</Code>
      </Card>
      <Card withBorder>
        <Stack gap="xs" align="flex-start">
          <Group gap="xs"><Button>{words.save}</Button><Button variant="light">{words.edit}</Button><Button variant="default">{words.cancel}</Button></Group>
          <Group gap="xs"><Button color="red">{words.delete}</Button><Button disabled>{words.run}</Button><Button loading>{words.run}</Button></Group>
          <Group gap="xs" align="flex-end">{['xs', 'sm', 'md', 'lg', 'xl'].map((size) => <Box key={size} w={`var(--mantine-spacing-${size})`} h={`var(--mantine-spacing-${size})`} bg="var(--mantine-primary-color-filled)" title={size} />)}</Group>
        </Stack>
      </Card>
    </SimpleGrid>
  );
}

function Shown({ type }: { type: Type }): ReactNode {
  const words = useWords();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Card withBorder data-component={type.name}>
      <Group justify="space-between" mb="xs">
        <div><Text fw={600}>{type.name}</Text><Text size="sm" c="dimmed">{type.meaning}</Text></div>
        <Button size="compact-sm" variant="subtle" onClick={() => setIsOpen(!isOpen)} aria-expanded={isOpen} aria-label={`${words.howDeclared}: ${type.name}`}>{words.howDeclared}</Button>
      </Group>
      {type.example ? <Box data-example><Draw part={type.example} /></Box> : <Text size="sm"><Anchor href="/docs" target="_blank">{words.ownParts}</Anchor></Text>}
      {isOpen && (
        <Stack gap="sm" mt="md">
          {type.example && <Code block className="lines">{JSON.stringify(type.example, null, 2)}</Code>}
          {type.properties.length > 0 && (
            <Rows label={`${type.name}: ${words.what}`} heads={[words.name, words.value, words.description]} width={420}>
              {type.properties.map((one) => <Table.Tr key={one.name}><Table.Td><Code>{one.name}</Code>{one.required && ' *'}</Table.Td><Table.Td>{one.choices ? one.choices.join(', ') : spoken(one.value)}</Table.Td><Table.Td>{one.meaning}</Table.Td></Table.Tr>)}
            </Rows>
          )}
        </Stack>
      )}
    </Card>
  );
}

function Breaking(): ReactNode {
  throw new Error('A part that broke: the page goes on.');
}
