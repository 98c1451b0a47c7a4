import { ActionIcon, AppShell, Badge, Burger, Group, Kbd, Menu, NavLink, ScrollArea, Text, Tooltip, UnstyledButton, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { spotlight } from '@mantine/spotlight';
import { useQueryClient } from '@tanstack/react-query';
import { CloudOff, House, Languages, LogOut, Moon, Search, Sun, SunMoon, Table2, UserRound } from 'lucide-react';
import { lazy, Suspense, useEffect, useRef, useSyncExternalStore, type ReactNode } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { spoken, titleOf, useCatalogue } from '../api/catalogue';
import { network } from '../api/http';
import { live } from '../api/live';
import { signOut, useUser, type View } from '../api/session';
import { iconOf } from '../contributed/icons';
import { useSay } from '../contributed/say';
import { Questions } from '../resources/ask';
import { useSpeech, useWords, type Language } from '../words';
import { Home } from './Home';
import { Palette } from './Palette';
import { pages, type Page } from './pages';
import { Boundary, Empty, Waiting } from './Parts';
import { useKeptFocus } from './useKeptFocus';

const ListPage = lazy(async () => ({ default: (await import('../resources/ListPage')).ListPage }));
const DetailPage = lazy(async () => ({ default: (await import('../resources/DetailPage')).DetailPage }));
const Bell = lazy(async () => ({ default: (await import('./Bell')).Bell }));
const ContributedPage = lazy(async () => ({ default: (await import('../contributed/ContributedPage')).ContributedPage }));

/** The pages of the platform that this caller sees. */
export const visiblePages = (view: View): Page[] => pages.filter((p) => (p.needs === null || p.needs in view.allowed) && (!p.plugin || view.plugins.includes(p.plugin)));

/** The frame around every page: where one is, where one can go, who one is. */
export function Shell({ view }: { view: View }): ReactNode {
  const words = useWords();
  const [isOpen, { toggle, close }] = useDisclosure();
  const [location] = useLocation();
  const main = useRef<HTMLElement>(null);
  useEffect(close, [location, close]);
  useKeptFocus(main);
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 248, breakpoint: 'md', collapsed: { mobile: !isOpen } }} padding="md">
      <a className="skip" href="#content" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>{words.skip}</a>
      <AppShell.Header>
        <Group h="100%" px="md" gap="sm" wrap="nowrap">
          <Burger opened={isOpen} onClick={toggle} hiddenFrom="md" size="sm" aria-label={words.menu} aria-expanded={isOpen} />
          <Text component={Link} href="/" className="brand" c="inherit" td="none">Nexus</Text>
          <UnstyledButton className="grow" onClick={spotlight.open} maw={420} mx="auto" px="sm" py={6} bd="1px solid var(--mantine-color-default-border)" bdrs="md">
            <Group gap="xs" wrap="nowrap"><Search size={16} aria-hidden /><Text size="sm" c="dimmed" className="grow" truncate>{words.searchEverything}</Text><Kbd size="xs" visibleFrom="sm">{words.paletteHint}</Kbd></Group>
          </UnstyledButton>
          <Connection />
          {!view.anonymous && <Boundary><Suspense fallback={null}><Bell /></Suspense></Boundary>}
          <Person view={view} />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar>
        <Navigation view={view} />
      </AppShell.Navbar>
      <AppShell.Main id="content" ref={main} tabIndex={-1}>
        <div className="page">
          <Boundary key={location}>
            <Suspense fallback={<Waiting />}>
              <Switch>
                <Route path="/"><Home view={view} /></Route>
                {visiblePages(view).map((p) => <Route key={p.path} path={p.path} nest><p.component /></Route>)}
                <Route path="/r/:resource">{(params) => <ListPage name={params.resource} key={params.resource} />}</Route>
                <Route path="/r/:resource/:id">{(params) => <DetailPage name={params.resource} id={params.id} key={`${params.resource}/${params.id}`} />}</Route>
                <Route path="/p/:plugin/:name">{(params) => <ContributedPage plugin={params.plugin} name={params.name} key={`${params.plugin}/${params.name}`} />}</Route>
                <Route><Empty isPage title={words.notFound} hint={words.notFoundHint} /></Route>
              </Switch>
            </Suspense>
          </Boundary>
        </div>
      </AppShell.Main>
      <Palette view={view} />
      <Questions />
    </AppShell>
  );
}

function Navigation({ view }: { view: View }): ReactNode {
  const words = useWords();
  const catalogue = useCatalogue();
  const visible = visiblePages(view);
  const say = useSay();
  const entries = [
    ...view.pages.map((p) => ({ plugin: p.plugin, href: p.path, label: say(p.title), Icon: iconOf(p.icon) })),
    ...(catalogue.data ?? []).filter((r) => 'read' in r.allowed).map((r) => ({ plugin: r.plugin, href: `/r/${r.name}`, label: titleOf(r), Icon: Table2 })),
  ];
  const byPlugin = Map.groupBy(entries, (entry) => entry.plugin);
  // A plugin with one page needs no heading of its own.
  const alone = [...byPlugin.values()].flatMap((own) => (own.length === 1 ? own : []));
  return (
    <ScrollArea p="xs" type="auto" component="nav" aria-label={words.menu}>
      <Entry href="/" label={words.home} icon={<House size={18} />} />
      {alone.length > 0 && <Section title={words.data}>{alone.map(({ href, label, Icon }) => <Entry key={href} href={href} label={label} icon={<Icon size={18} />} />)}</Section>}
      {[...byPlugin].filter(([, own]) => own.length > 1).map(([plugin, own]) => (
        <Section key={plugin} title={spoken(plugin)}>
          {own.map(({ href, label, Icon }) => <Entry key={href} href={href} label={label} icon={<Icon size={18} />} />)}
        </Section>
      ))}
      {(['platform', 'people', 'look'] as const).map((section) => {
        const shown = visible.filter((p) => p.section === section);
        return shown.length > 0 && (
          <Section key={section} title={words[section]}>
            {shown.map((p) => <Entry key={p.path} href={p.path} label={words[p.label]} icon={<p.icon size={18} />} />)}
          </Section>
        );
      })}
    </ScrollArea>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return <div role="group" aria-label={title}><Text size="xs" c="dimmed" fw={600} px="sm" pt="md" pb={4}>{title}</Text>{children}</div>;
}

function Entry({ href, label, icon }: { href: string; label: string; icon: ReactNode }): ReactNode {
  const [location] = useLocation();
  const isHere = href === '/' ? location === '/' : location === href || location.startsWith(`${href}/`);
  return <NavLink component={Link} href={href} label={label} leftSection={icon} active={isHere} aria-current={isHere ? 'page' : undefined} py={6} bdrs="md" />;
}

/** Says when the server does not answer, or live updates are interrupted; nothing while all is well. */
function Connection(): ReactNode {
  const words = useWords();
  const isOnline = useSyncExternalStore((listener) => { network.listeners.add(listener); return () => network.listeners.delete(listener); }, () => network.isOnline);
  const isLive = useSyncExternalStore((listener) => live.watchState(listener), () => live.isOpen);
  const client = useQueryClient();
  const wasLive = useRef(false);
  useEffect(() => {
    // What happened while nothing could be told is read once.
    if (isLive && wasLive.current) void client.invalidateQueries();
    if (isLive) wasLive.current = true;
  }, [isLive, client]);
  if (isOnline) return null;
  return (
    <Tooltip label={words.offlineHint} multiline w={260}>
      <Badge color="yellow" variant="light" leftSection={<CloudOff size={12} />} role="status">{words.offline}</Badge>
    </Tooltip>
  );
}

function Person({ view }: { view: View }): ReactNode {
  const { words, language, choose } = useSpeech();
  const user = useUser();
  const client = useQueryClient();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const leave = async (): Promise<void> => {
    live.stop();
    await signOut();
    client.clear();
    location.assign('/console/');
  };
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target><ActionIcon variant="subtle" color="gray" size="lg" aria-label={words.account}><UserRound size={20} /></ActionIcon></Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{user.data?.displayName ?? view.caller.name}{view.caller.tenant !== 'default' && ` · ${view.caller.tenant}`}</Menu.Label>
        <Menu.Divider />
        <Menu.Label>{words.theme}</Menu.Label>
        {([['light', Sun], ['dark', Moon], ['auto', SunMoon]] as const).map(([scheme, Icon]) => (
          <Menu.Item key={scheme} leftSection={<Icon size={16} />} aria-current={colorScheme === scheme} fw={colorScheme === scheme ? 600 : undefined} onClick={() => setColorScheme(scheme)} closeMenuOnClick={false}>{words[scheme === 'auto' ? 'system' : scheme]}</Menu.Item>
        ))}
        <Menu.Label>{words.languageName}</Menu.Label>
        {([['en', 'English'], ['de', 'Deutsch']] as [Language, string][]).map(([one, name]) => (
          <Menu.Item key={one} lang={one} leftSection={<Languages size={16} />} aria-current={language === one} fw={language === one ? 600 : undefined} onClick={() => choose(one)} closeMenuOnClick={false}>{name}</Menu.Item>
        ))}
        {view.signIn && <><Menu.Divider /><Menu.Item component={Link} href="/account" leftSection={<UserRound size={16} />}>{words.account}</Menu.Item><Menu.Item leftSection={<LogOut size={16} />} onClick={() => void leave()}>{words.signOut}</Menu.Item></>}
      </Menu.Dropdown>
    </Menu>
  );
}

