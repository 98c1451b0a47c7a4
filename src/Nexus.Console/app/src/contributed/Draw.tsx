import { Accordion, Alert, Anchor, Box, Breadcrumbs, Button, Card, Divider, Grid, Group, Loader, Menu, Pagination, SimpleGrid, Stack, Tabs, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { ChevronDown, CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import { lazy, Suspense, useState, type ComponentType, type ReactNode } from 'react';
import { Link } from 'wouter';
import { useAddress } from '../platform/Rows';
import { Boundary, Dialog, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { Figures, Metric, Progress, Sentence, Sorted } from './Data';
import { list, number, text, useSay, type Part } from './part';

const Chart = lazy(async () => ({ default: (await import('./Chart')).Chart }));
const Module = lazy(async () => ({ default: (await import('./Module')).Module }));
const Frame = lazy(async () => ({ default: (await import('./Frame')).Frame }));

type Drawn = ComponentType<{ part: Part }>;

const entry = (name: 'Check' | 'Choice' | 'Line' | 'Lines' | 'Press' | 'Radios' | 'Sent') => lazy(async () => ({ default: (await import('./Inputs'))[name] }));

/** Every type of component with what draws it. */
const registry: Readonly<Record<string, Drawn>> = {
  container: ({ part }) => <Stack gap="md" maw={number(part, 'width')}><Parts part={part} /></Stack>,
  grid: ({ part }) => <SimpleGrid cols={{ base: 1, sm: Math.min(2, columns(part)), lg: columns(part) }}><Parts part={part} /></SimpleGrid>,
  flex: ({ part }) => <Group align="flex-start" justify={{ start: 'flex-start', center: 'center', end: 'flex-end', between: 'space-between' }[text(part, 'justify') ?? 'start']}><Parts part={part} /></Group>,
  card: Framed,
  panel: Folding,
  sidebar: ({ part }) => <Grid>{(part.parts ?? []).slice(0, 1).map((one, at) => <Grid.Col key={at} span={{ base: 12, md: 3 }}><Draw part={one} /></Grid.Col>)}<Grid.Col span={{ base: 12, md: 9 }}><Stack><Parts part={{ ...part, parts: (part.parts ?? []).slice(1) }} /></Stack></Grid.Col></Grid>,
  section: ({ part }) => <section><Headed part={part} /><Stack gap="md"><Parts part={part} /></Stack></section>,
  header: ({ part }) => <Headed part={part} />,
  divider: Line1,
  spacer: ({ part }) => <Box h={Math.min(200, number(part, 'size') ?? 16)} />,
  text: Sentence,
  form: entry('Sent'), input: entry('Line'), textarea: entry('Lines'), select: entry('Choice'), checkbox: entry('Check'), radio: entry('Radios'), button: entry('Press'),
  table: Figures, 'data-grid': Sorted, metric: Metric, progress: Progress, chart: Chart,
  alert: Told, modal: Over, toast: Passing, spinner: Turning,
  menu: Ways, breadcrumb: Trail, tabs: Tabbed, pagination: Paged,
  module: Module, frame: Frame,
};

/** The types that this console draws. */
export const drawnTypes: readonly string[] = Object.keys(registry);

/** A part of a page. One that fails says so in its own place, until it is declared anew or somebody tries again. */
export function Draw({ part }: { part: Part }): ReactNode {
  const Found = registry[part.type];
  const words = useWords();
  return (
    <Boundary name={part.type} version={JSON.stringify(part)}>
      <Suspense fallback={<Waiting lines={2} />}>{Found ? <Found part={part} /> : <Alert color="yellow" variant="light">{words.unknownPart(part.type)}</Alert>}</Suspense>
    </Boundary>
  );
}

/** Parts keep what was typed into them over a swap: they are told apart by what they are, not by what they say. */
function Parts({ part }: { part: Part }): ReactNode {
  const seen = new Map<string, number>();
  return (part.parts ?? []).map((one) => {
    const name = `${one.type} ${text(one, 'name') ?? text(one, 'source') ?? text(one, 'file') ?? ''}`;
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return <Draw key={`${name} ${times}`} part={one} />;
  });
}

const columns = (part: Part): number => Math.min(6, Math.max(1, number(part, 'columns') ?? 2));

function Headed({ part }: { part: Part }): ReactNode {
  const say = useSay();
  return <div><Title order={2}>{say(part['title'])}</Title>{part['about'] !== undefined && <Text size="sm" c="dimmed" mb="xs">{say(part['about'])}</Text>}</div>;
}

function Framed({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const page = text(part, 'page');
  const title = part['title'] !== undefined && <Text fw={600} mb="xs">{page ? <Anchor component={Link} href={page} inherit>{say(part['title'])}</Anchor> : say(part['title'])}</Text>;
  return <Card withBorder>{title}<Stack gap="md"><Parts part={part} /></Stack></Card>;
}

function Folding({ part }: { part: Part }): ReactNode {
  const say = useSay();
  return (
    <Accordion variant="contained" defaultValue={part['open'] === true ? 'it' : null}>
      <Accordion.Item value="it"><Accordion.Control>{say(part['title'])}</Accordion.Control><Accordion.Panel><Stack gap="md"><Parts part={part} /></Stack></Accordion.Panel></Accordion.Item>
    </Accordion>
  );
}

function Line1({ part }: { part: Part }): ReactNode {
  const say = useSay();
  return <Divider label={say(part['label']) || undefined} />;
}

const looks = { info: ['blue', Info], success: ['teal', CircleCheck], warning: ['yellow', TriangleAlert], danger: ['red', CircleAlert] } as const;
const lookOf = (part: Part): (typeof looks)[keyof typeof looks] => looks[(text(part, 'tone') ?? 'info') as keyof typeof looks] ?? looks.info;

function Told({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const [color, Icon] = lookOf(part);
  return <Alert color={color} variant="light" icon={<Icon size={18} aria-hidden />} title={say(part['title']) || undefined}>{say(part['text'])}</Alert>;
}

function Over({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <div>
      <Button variant="light" onClick={() => setIsOpen(true)}>{say(part['label'])}</Button>
      <Dialog title={say(part['title'] ?? part['label'])} isOpen={isOpen} onClose={() => setIsOpen(false)}><Stack gap="md"><Parts part={part} /></Stack></Dialog>
    </div>
  );
}

function Passing({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const words = useWords();
  return <div><Button variant="light" onClick={() => notifications.show({ color: lookOf(part)[0], message: say(part['text']), autoClose: 5000, closeButtonProps: { 'aria-label': words.close } })}>{say(part['label'])}</Button></div>;
}

function Turning({ part }: { part: Part }): ReactNode {
  const say = useSay();
  return <Group gap="xs" role="status"><Loader size="sm" aria-hidden /><Text size="sm">{say(part['label'])}</Text></Group>;
}

interface Way { label: unknown; page: string }

function Ways({ part }: { part: Part }): ReactNode {
  const say = useSay();
  return (
    <div>
      <Menu position="bottom-start">
        <Menu.Target><Button variant="default" rightSection={<ChevronDown size={14} aria-hidden />}>{say(part['label'])}</Button></Menu.Target>
        <Menu.Dropdown>{list<Way>(part, 'links').map((way) => <Menu.Item key={way.page} component={Link} href={way.page}>{say(way.label)}</Menu.Item>)}</Menu.Dropdown>
      </Menu>
    </div>
  );
}

function Trail({ part }: { part: Part }): ReactNode {
  const say = useSay();
  return <Breadcrumbs fz="sm">{list<Way>(part, 'links').map((way) => <Anchor key={way.page} component={Link} href={way.page} size="sm">{say(way.label)}</Anchor>)}</Breadcrumbs>;
}

function Tabbed({ part }: { part: Part }): ReactNode {
  const say = useSay();
  return (
    <Tabs defaultValue="0">
      <Tabs.List mb="md">{list(part, 'labels').map((label, at) => <Tabs.Tab key={at} value={String(at)}>{say(label)}</Tabs.Tab>)}</Tabs.List>
      {(part.parts ?? []).map((one, at) => <Tabs.Panel key={at} value={String(at)}><Draw part={one} /></Tabs.Panel>)}
    </Tabs>
  );
}

function Paged({ part }: { part: Part }): ReactNode {
  const say = useSay();
  const words = useWords();
  const [read, change] = useAddress();
  const name = text(part, 'name') ?? 'page';
  return (
    <nav aria-label={say(part['label'])}>
      <Pagination total={Math.max(1, number(part, 'pages') ?? 1)} value={Number(read(name)) || 1} onChange={(page) => change({ [name]: page === 1 ? null : String(page) }, true)}
        getItemProps={(page) => ({ 'aria-label': `${say(part['label'])} ${page}` })} getControlProps={(control) => ({ 'aria-label': { first: words.back, previous: words.back, next: words.more, last: words.more }[control] })} />
    </nav>
  );
}
