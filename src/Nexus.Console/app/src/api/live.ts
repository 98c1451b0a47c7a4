import { useEffect } from 'react';
import type { QueryClient } from '@tanstack/react-query';
import { useQueryClient } from '@tanstack/react-query';
import { catalogueKey } from './catalogue';
import { viewKey } from './session';

/** A change of a record, or an event. */
export interface Told { event: string; verb?: string; recordId?: string; record?: unknown; message?: unknown }

type Listener = (told: Told) => void;
interface Wish { id: string; message: Record<string, unknown>; listeners: Set<Listener>; after: string | null }

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
      wish = { id: `s${++this.ids}`, message, listeners: new Set(), after: null };
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
      this.wishes.forEach((wish) => this.ask(wish));
      this.tell(true);
    } else if (message['type'] === 'plugins') {
      this.onPlugins(message['version'] as number);
    } else if (message['type'] === 'notifications') {
      this.noteListeners.forEach((listener) => listener());
    } else if (message['type'] === 'subscribed' || message['type'] === 'event') {
      const wish = [...this.wishes.values()].find((w) => w.id === message['id']);
      if (!wish) return;
      if (typeof message['at'] === 'string') wish.after = message['at'];
      if (message['type'] === 'event') wish.listeners.forEach((listener) => listener(message['data'] as Told));
    }
  }

  private ask(wish: Wish): void {
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

/** Follows swaps: what is drawn from declarations is read anew when others serve. */
export function followPlugins(client: QueryClient): void {
  let known: number | null = null;
  live.onPlugins = (version) => {
    if (known !== null && known !== version) {
      void client.invalidateQueries({ queryKey: viewKey });
      void client.invalidateQueries({ queryKey: catalogueKey });
      void client.invalidateQueries({ queryKey: ['plugins'] });
      void client.invalidateQueries({ queryKey: ['parts'] });
    }
    known = version;
  };
}

/** Reads a query anew when something happens to the records of a resource; several changes at once cost one reading. Null follows nothing. */
export function useRecordChanges(resource: string | null, onChange?: Listener): void {
  const client = useQueryClient();
  useEffect(() => {
    if (resource === null) return;
    let timer: number | undefined;
    const end = live.subscribe({ resource, fields: ['id'] }, (told) => {
      onChange?.(told);
      clearTimeout(timer);
      timer = window.setTimeout(() => void client.invalidateQueries({ queryKey: ['records', resource] }), 200);
    });
    return () => { clearTimeout(timer); end(); };
  }, [client, resource, onChange]);
}

/** Follows events by a pattern of names. */
export function useEvents(pattern: string, listener: Listener): void {
  useEffect(() => live.subscribe({ events: pattern }, listener), [pattern, listener]);
}
