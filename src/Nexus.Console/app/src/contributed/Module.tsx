import { useQueryClient } from '@tanstack/react-query';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { send } from '../api/http';
import { live, type Told } from '../api/live';
import { Fault, tellDone } from '../shell/Parts';
import { useSpeech } from '../words';
import { text, usePlace, useSay, type Part } from './part';

/** What a module is given beside its element. */
interface ModuleContext {
  /** Version of this contract. */
  readonly version: 1;
  readonly plugin: string;
  readonly language: string;
  readonly locale: string;
  readonly scheme: 'light' | 'dark';
  /** An object that outlives swaps of the plugin and visits of other pages, until the tab is closed. */
  readonly state: Record<string, unknown>;
  /** Reads from the node, as the signed-in person; a path is relative to the plugin's prefix, or begins with /api/. */
  readonly get: (path: string) => Promise<unknown>;
  readonly send: (method: string, path: string, body?: unknown) => Promise<unknown>;
  /** Hears of changes of a resource's records; answers what ends it. */
  readonly watch: (resource: string, listener: (told: Told) => void) => () => void;
  readonly go: (page: string) => void;
  readonly tell: (message: string) => void;
  /** Address of another file in the plugin's folder ui, such as a style sheet. */
  readonly address: (file: string) => string;
}

interface Mounted { root: HTMLElement; end: unknown }
type Mount = (element: HTMLElement, context: ModuleContext) => unknown;

const states = new Map<string, Record<string, unknown>>();

/** A part that a script module of the plugin draws. When the plugin is swapped, the new module takes the old one's place at once, with what was typed in it. */
export function Module({ part }: { part: Part }): ReactNode {
  const place = usePlace();
  const say = useSay();
  const { language, locale } = useSpeech();
  const scheme = useComputedColorScheme('light');
  const client = useQueryClient();
  const [, go] = useLocation();
  const box = useRef<HTMLDivElement>(null);
  const mounted = useRef<Mounted | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const address = text(part, 'address') ?? '';
  const key = `${place.plugin} ${place.name} ${text(part, 'file') ?? ''}`;
  const folder = address.slice(0, address.length - (text(part, 'file') ?? '').length);

  useEffect(() => {
    let isOver = false;
    const state = states.get(key) ?? {};
    states.set(key, state);
    const at = (path: string): string => (path.startsWith('/') ? path : `${place.prefix}/${path}`);
    const context: ModuleContext = {
      version: 1, plugin: place.plugin, language, locale, scheme, state, go, tell: tellDone,
      get: async (path) => (await send('GET', at(path))).value,
      send: async (method, path, body) => {
        const answer = await send(method, at(path), { body });
        void client.invalidateQueries({ queryKey: ['parts'] });
        return answer.value;
      },
      watch: (resource, listener) => live.subscribe({ resource, fields: ['id'] }, listener),
      address: (file) => folder + file,
    };
    const begin = async (): Promise<void> => {
      let mine: Mounted | null = null;
      try {
        const found = (await import(/* @vite-ignore */ address)) as { mount?: Mount };
        if (isOver || !box.current) return;
        if (typeof found.mount !== 'function') throw new Error(`${address}: export function mount(element, context)`);
        const root = document.createElement('div');
        const typed = mounted.current ? typedIn(mounted.current.root) : [];
        leave(mounted.current);
        mounted.current = mine = { root, end: null };
        box.current.append(root);
        mine.end = await found.mount(root, context);
        // It left, or another took its place, while it was beginning: only now there is what ends it.
        if (mounted.current !== mine) { leave(mine); return; }
        setFault(null);
        typeAgain(root, typed);
      } catch (wrong) {
        if (mine) leave(mine);
        else if (!isOver) leave(mounted.current);
        if (mounted.current === mine || (mine === null && !isOver)) mounted.current = null;
        if (!isOver) setFault(wrong);
      }
    };
    void begin();
    return () => { isOver = true; };
  }, [address, folder, key, language, locale, scheme, place.plugin, place.prefix, client, go]);
  useEffect(() => () => { leave(mounted.current); mounted.current = null; }, []);

  return <div>{fault !== null && <Fault error={fault} />}<div ref={box} data-module={text(part, 'file')} aria-label={say(part['label']) || undefined} role={part['label'] === undefined ? undefined : 'group'} /></div>;
}

function leave(mounted: Mounted | null): void {
  if (!mounted) return;
  try {
    if (typeof mounted.end === 'function') (mounted.end as () => void)();
  } catch (wrong) {
    // It is over whatever it says; the page goes on.
    console.info(wrong);
  }
  mounted.root.remove();
}

type Typed = [name: string, value: string | boolean];
const inputs = (root: HTMLElement): (HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement)[] => [...root.querySelectorAll<HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>('input, textarea, select')].filter((one) => one.type !== 'file' && one.type !== 'password');
const nameOf = (one: HTMLElement & { name: string }): string => one.name || one.id || one.getAttribute('aria-label') || '';
const isTicked = (one: HTMLElement): one is HTMLInputElement => one instanceof HTMLInputElement && (one.type === 'checkbox' || one.type === 'radio');

function typedIn(root: HTMLElement): Typed[] {
  return inputs(root).filter((one) => nameOf(one) !== '').map((one) => [isTicked(one) ? `${nameOf(one)} ${one.value}` : nameOf(one), isTicked(one) ? one.checked : one.value]);
}

/** Gives inputs of the same name what was in them, as if it was typed: at once, or when they are drawn. */
function typeAgain(root: HTMLElement, typed: Typed[]): void {
  const values = new Map(typed);
  const fill = (): void => {
    for (const one of inputs(root)) {
      const name = isTicked(one) ? `${nameOf(one)} ${one.value}` : nameOf(one);
      const value = values.get(name);
      if (value === undefined) continue;
      values.delete(name);
      if (value === (isTicked(one) ? one.checked : one.value)) continue;
      if (isTicked(one)) { one.click(); continue; }
      // A setter of the prototype, because libraries put their own on the element and would not see the change.
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(one), 'value')?.set?.call(one, value);
      one.dispatchEvent(new Event(one instanceof HTMLSelectElement ? 'change' : 'input', { bubbles: true }));
    }
  };
  fill();
  if (values.size === 0) return;
  const drawn = new MutationObserver(() => { fill(); if (values.size === 0) drawn.disconnect(); });
  drawn.observe(root, { childList: true, subtree: true });
  // What somebody does later is not to be overwritten by what was typed before.
  setTimeout(() => drawn.disconnect(), 5000);
}
