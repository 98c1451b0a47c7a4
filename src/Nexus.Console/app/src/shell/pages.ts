import { Blocks, Braces, Component, Database as DatabaseIcon, Gauge, HeartPulse, KeyRound, ListChecks, Logs, Radio, ScrollText, Server, ShieldCheck, SlidersHorizontal, UserRound, Users, UsersRound, Waypoints, type LucideIcon } from 'lucide-react';
import { lazy, type ComponentType, type LazyExoticComponent } from 'react';
import type { Words } from '../words';

/** The words that are texts, and not functions. */
export type WordKey = { [K in keyof Words]: Words[K] extends string ? K : never }[keyof Words];

/** A page of the platform. Its code is fetched when it is first visited. */
export interface Page {
  path: string;
  label: WordKey;
  section: 'platform' | 'people' | 'look';
  icon: LucideIcon;
  /** Permission without which it is not shown; null for everybody. */
  needs: string | null;
  /** Plugin that has to be active for it. */
  plugin?: string;
  component: LazyExoticComponent<ComponentType>;
  /** Fetches its code. */
  fetch: () => Promise<unknown>;
}

const page = (fetch: () => Promise<Record<string, unknown>>, name: string) => ({ fetch, component: lazy(async () => ({ default: (await fetch())[name] as ComponentType })) });

/** Every page of the platform, in the order of the navigation. */
export const pages: readonly Page[] = [
  { path: '/plugins', label: 'plugins', section: 'platform', icon: Blocks, needs: 'platform.plugins:read', ...page(() => import('../platform/Plugins'), 'Plugins') },
  { path: '/events', label: 'events', section: 'platform', icon: Radio, needs: 'platform.events:read', ...page(() => import('../platform/Events'), 'Events') },
  { path: '/tasks', label: 'tasks', section: 'platform', icon: ListChecks, needs: 'platform.tasks:read', ...page(() => import('../platform/Tasks'), 'Tasks') },
  { path: '/services', label: 'services', section: 'platform', icon: Waypoints, needs: 'platform.services:read', ...page(() => import('../platform/Services'), 'Services') },
  { path: '/audit', label: 'audit', section: 'platform', icon: ScrollText, needs: 'platform.audit:read', plugin: 'core.audit', ...page(() => import('../platform/Audit'), 'Audit') },
  { path: '/nodes', label: 'nodes', section: 'platform', icon: Server, needs: 'platform.nodes:read', ...page(() => import('../platform/Nodes'), 'Nodes') },
  { path: '/config', label: 'config', section: 'platform', icon: SlidersHorizontal, needs: 'platform.config:read', ...page(() => import('../platform/Configuration'), 'Configuration') },
  { path: '/health', label: 'health', section: 'platform', icon: HeartPulse, needs: 'platform.status:read', ...page(() => import('../platform/Health'), 'Health') },
  { path: '/log', label: 'log', section: 'look', icon: Logs, needs: 'platform.logs:read', ...page(() => import('../platform/Log'), 'Log') },
  { path: '/performance', label: 'performance', section: 'look', icon: Gauge, needs: 'platform.metrics:read', ...page(() => import('../platform/Performance'), 'Performance') },
  { path: '/database', label: 'database', section: 'look', icon: DatabaseIcon, needs: 'platform.database:read', ...page(() => import('../platform/Database'), 'Database') },
  { path: '/explorer', label: 'explorer', section: 'look', icon: Braces, needs: null, ...page(() => import('../platform/Explorer'), 'Explorer') },
  { path: '/showcase', label: 'showcase', section: 'look', icon: Component, needs: 'platform.status:read', ...page(() => import('../platform/Showcase'), 'Showcase') },
  { path: '/users', label: 'users', section: 'people', icon: Users, needs: 'platform.users:read', plugin: 'core.identity', ...page(() => import('../platform/Users'), 'Users') },
  { path: '/roles', label: 'roles', section: 'people', icon: ShieldCheck, needs: 'platform.roles:read', plugin: 'core.identity', ...page(() => import('../platform/Roles'), 'Roles') },
  { path: '/groups', label: 'groups', section: 'people', icon: UsersRound, needs: 'platform.groups:read', plugin: 'core.identity', ...page(() => import('../platform/Groups'), 'Groups') },
  { path: '/keys', label: 'keys', section: 'people', icon: KeyRound, needs: 'core.identity:use', plugin: 'core.identity', ...page(() => import('../platform/Keys'), 'Keys') },
  { path: '/account', label: 'account', section: 'people', icon: UserRound, needs: null, plugin: 'core.identity', ...page(() => import('../platform/MyAccount'), 'MyAccount') },
];

/** Permissions that pages ask for beyond those that show them. */
const finer = ['platform.plugins:create', 'platform.plugins:update', 'platform.plugins:delete', 'platform.events:create', 'platform.events:update', 'platform.events:delete', 'platform.tasks:create', 'platform.tasks:update', 'platform.services:update', 'platform.config:update', 'platform.database:update', 'platform.users:create', 'platform.users:update', 'platform.users:delete', 'platform.roles:create', 'platform.roles:update', 'platform.roles:delete', 'platform.groups:create', 'platform.groups:update', 'platform.groups:delete', 'platform.audit:read', 'platform.audit:verify', 'platform.audit:export', 'platform.metrics:read', 'platform.events:read'];

/** What the console asks the node about this caller. */
export const permissionsInQuestion: readonly string[] = [...new Set([...pages.flatMap((p) => (p.needs ? [p.needs] : [])), ...finer])].sort();

