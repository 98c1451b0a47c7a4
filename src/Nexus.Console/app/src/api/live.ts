import { useLayoutEffect } from 'react';
import type { QueryClient } from '@tanstack/react-query';
import { useQueryClient } from '@tanstack/react-query';
import { readAgain, readOne, readSoon } from './again';
import { catalogueKey } from './catalogue';
import { viewKey, type View } from './session';

/** A change of a record, or an event. */
export interface Told { event: string; verb?: string; recordId?: string; record?: unknown; message?: unknown }

type Listener = (told: Told) => void;
interface Wish { id: string; message: Record<string, unknown>; listeners: Set<Listener>; after: string | null; /** What is done when the node follows. */ onFollowed: (() => void) | null; isRefused: boolean }

/** The one socket of this tab: subscriptions of all pages share it, and it comes back by itself, without a gap. */
class Live {
  private socket: WebSocket | null = null;
  private readonly wishes = new Map<string, Wish>();
  private readonly stateListeners = new Set<() => void>();
  private readonly noteListeners = new Set<() => void>();
  private ids = 0;
  private pause = 500;
  private timer: number | undefined;
  private wanted = false;
  isOpen = false;
  onPlugins: (version: number) => void = () => {};
  /** Called when something is asked for from now on; what it returns, when the node has begun to tell. */
  onAsk: (message: Record<string, unknown>) => () => void = () => () => {};

  start(): void {
    this.wanted = true;
    if (!this.socket) this.open();
  }

  stop(): void {
    this.wanted = false;
    clearTimeout(this.timer);
    this.socket?.close(1000);
    this.socket = null;
  }

  watchState(listener: () => void): () => void {
    this.stateListeners.add(listener);
    return () => { this.stateListeners.delete(listener); };
  }

  /** Tells when something may concern this person. */
  watchNotifications(listener: () => void): () => void {
    this.noteListeners.add(listener);
    if (this.noteListeners.size === 1) this.send({ type: 'notifications' });
    return () => { this.noteListeners.delete(listener); };
  }

  subscribe(message: Record<string, unknown>, listener: Listener): () => void {
    const key = JSON.stringify(message);
    let wish = this.wishes.get(key);
    if (!wish) {
      wish = { id: `s${++this.ids}`, message, listeners: new Set(), after: null, onFollowed: null, isRefused: false };
      this.wishes.set(key, wish);
      this.ask(wish);
    }
    const held = wish;
    held.listeners.add(listener);
    return () => {
      held.listeners.delete(listener);
      if (held.listeners.size > 0) return;
      this.wishes.delete(key);
      this.send({ type: 'unsubscribe', id: held.id });
    };
  }

  private open(): void {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/live`);
    this.socket = socket;
    socket.onmessage = (event: MessageEvent<string>) => this.take(JSON.parse(event.data) as Record<string, unknown>);
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.tell(false);
      // Signed out: the next answer of the node says so, and the console asks for a sign-in.
      if (!this.wanted || event.code === 4401) return;
      this.timer = window.setTimeout(() => this.open(), this.pause + Math.random() * 250);
      this.pause = Math.min(this.pause * 2, 15_000);
    };
  }

  private take(message: Record<string, unknown>): void {
    if (message['type'] === 'ready') {
      this.pause = 500;
      this.send({ type: 'plugins' });
      if (this.noteListeners.size > 0) this.send({ type: 'notifications' });
      // What was read before may lack what happened until now.
      this.noteListeners.forEach((listener) => listener());
      this.wishes.forEach((wish) => this.ask(wish));
      this.tell(true);
    } else if (message['type'] === 'plugins') {
      this.onPlugins(message['version'] as number);
      // Its plugin may be there now.
      this.wishes.forEach((wish) => { if (wish.isRefused) this.ask(wish); });
    } else if (message['type'] === 'notifications') {
      this.noteListeners.forEach((listener) => listener());
    } else if (message['type'] === 'subscribed' || message['type'] === 'event' || message['type'] === 'error') {
      const wish = [...this.wishes.values()].find((w) => w.id === message['id']);
      if (wish) this.hear(wish, message);
    }
  }

  private hear(wish: Wish, message: Record<string, unknown>): void {
    if (message['type'] === 'error') Object.assign(wish, { isRefused: true, after: null });
    else if (typeof message['at'] === 'string') wish.after = message['at'];
    if (message['type'] === 'event') wish.listeners.forEach((listener) => listener(message['data'] as Told));
    if (message['type'] === 'subscribed') wish.onFollowed?.();
  }

  private ask(wish: Wish): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    wish.isRefused = false;
    wish.onFollowed = wish.after ? null : this.onAsk(wish.message);
    this.send({ type: 'subscribe', id: wish.id, ...wish.message, ...(wish.after ? { after: wish.after } : {}) });
  }

  private send(message: Record<string, unknown>): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private tell(isOpen: boolean): void {
    this.isOpen = isOpen;
    this.stateListeners.forEach((listener) => listener());
  }
}

export const live = new Live();

const eventsKey = ['events', 'list'];

/** Follows swaps: what is drawn from declarations is read anew when others serve. What was read before the node told of changes is read anew when it does. */
export function follow(client: QueryClient): void {
  let known: number | null = null;
  live.onPlugins = (version) => {
    // The first is told after the view was read, and others may serve since.
    known ??= client.getQueryData<View>(viewKey)?.version ?? null;
    if (known !== null && known !== version) [viewKey, catalogueKey, ['plugins'], ['parts']].forEach((key) => void readAgain(client, key));
    known = version;
  };
  live.onAsk = ({ resource }) => {
    const older = client.getQueryCache().findAll({ queryKey: resource ? ['records', resource] : eventsKey }).filter((query) => query.state.data !== undefined || query.state.fetchStatus === 'fetching');
    return () => older.forEach((query) => void readOne(client, query));
  };
}

/** Reads a query anew when something happens to the records of a resource; several changes at once cost one reading. Null follows nothing. */
export function useRecordChanges(resource: string | null, onChange?: Listener): void {
  const client = useQueryClient();
  // Before the readings of this page begin: what is answered to them is followed already.
  useLayoutEffect(() => {
    if (resource === null) return;
    return live.subscribe({ resource, fields: ['id'] }, (told) => {
      onChange?.(told);
      readSoon(client, ['records', resource], 200);
    });
  }, [client, resource, onChange]);
}

/** Reads the list of events anew when some happen, however many at most twice a second, and while that is wanted. */
export function useEvents(isWanted: boolean): void {
  const client = useQueryClient();
  useLayoutEffect(() => (isWanted ? live.subscribe({ events: '*' }, () => readSoon(client, eventsKey, 500)) : undefined), [client, isWanted]);
}
