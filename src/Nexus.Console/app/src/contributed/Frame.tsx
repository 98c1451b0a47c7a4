import { useComputedColorScheme } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { Problem, send } from '../api/http';
import { live } from '../api/live';
import { tellDone } from '../shell/Parts';
import { useSpeech } from '../words';
import { number, text, usePlace, useSay, type Part } from './part';

/** What a frame says. Whatever has an id is answered with { id, value } or { id, error }. */
interface Said { id?: number; type: string; path?: unknown; method?: unknown; body?: unknown; height?: unknown; state?: unknown; message?: unknown; page?: unknown; resource?: unknown }

const mostAtOnce = 20;
const mostState = 64 * 1024;
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

const states = new Map<string, unknown>();

/** An address below the plugin's own prefix; anything else is refused. */
function within(prefix: string, path: unknown): string {
  const url = new URL(`${prefix}/${String(path)}`, location.origin);
  if (url.origin !== location.origin || !url.pathname.startsWith(`${prefix}/`)) throw new Problem(403, 'PERMISSION_DENIED', '', `A frame reaches addresses below ${prefix} and no others.`, null, []);
  return url.pathname + url.search;
}

/** A page of the plugin that the browser keeps apart: it has no origin, no storage and no network, and gets what it asks for over one port. */
export function Frame({ part }: { part: Part }): ReactNode {
  const place = usePlace();
  const say = useSay();
  const { language, locale } = useSpeech();
  const scheme = useComputedColorScheme('light');
  const client = useQueryClient();
  const [, go] = useLocation();
  const frame = useRef<HTMLIFrameElement>(null);
  const [height, setHeight] = useState(number(part, 'height') ?? 320);
  const address = text(part, 'address') ?? '';
  const key = `${place.plugin} ${place.name} ${text(part, 'file') ?? ''}`;

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    let port: MessagePort | null = null;
    let pending = 0;
    const ends: (() => void)[] = [];
    const stop = (): void => {
      const left = port;
      port = null;
      // What it asked to be kept before it left may still be on its way.
      if (left) setTimeout(() => left.close(), 5000);
      ends.splice(0).forEach((end) => end());
    };

    const answer = async (said: Said, to: MessagePort): Promise<unknown> => {
      switch (said.type) {
        case 'send': {
          const method = String(said.method ?? 'GET').toUpperCase();
          if (!methods.includes(method)) throw new Error(`${method} is none of ${methods.join(', ')}.`);
          if (pending >= mostAtOnce) throw new Error(`${mostAtOnce} requests are under way; wait for one of them.`);
          pending++;
          try {
            const value = (await send(method, within(place.prefix, said.path), said.body === undefined ? {} : { body: said.body })).value;
            if (method !== 'GET') void client.invalidateQueries({ queryKey: ['parts'] });
            return value;
          } finally {
            pending--;
          }
        }
        case 'watch': {
          const resource = `${place.plugin}.${String(said.resource)}`;
          ends.push(live.subscribe({ resource, fields: ['id'] }, () => to.postMessage({ type: 'changed', resource: said.resource })));
          return true;
        }
        case 'height': setHeight(Math.min(2000, Math.max(40, Number(said.height) || 320))); return true;
        case 'keep':
          if ((JSON.stringify(said.state) ?? '').length > mostState) throw new Error(`At most ${mostState / 1024} KiB are kept.`);
          states.set(key, said.state);
          return true;
        case 'tell': tellDone(String(said.message).slice(0, 200)); return true;
        case 'go':
          if (!/^\/[^/\\]/.test(String(said.page))) throw new Error('A page of the console begins with one slash.');
          go(String(said.page));
          return true;
        default: throw new Error(`There is no ${said.type}; there are send, watch, height, keep, tell and go.`);
      }
    };

    const begin = (): void => {
      stop();
      const channel = new MessageChannel();
      const to = channel.port1;
      port = to;
      to.onmessage = (event: MessageEvent<Said>) => {
        const said = event.data;
        if (port !== to && said.type !== 'keep') return;
        answer(said, to).then(
          (value) => { if (said.id !== undefined) to.postMessage({ id: said.id, value }); },
          (error: unknown) => to.postMessage({ id: said.id, error: { code: error instanceof Problem ? error.code : 'BAD_REQUEST', message: error instanceof Error ? error.message : String(error) } }),
        );
      };
      // It has no origin that could be named, and is told nothing that it may not know.
      element.contentWindow?.postMessage({ type: 'nexus', version: 1, plugin: place.plugin, language, locale, scheme, state: states.get(key) ?? null }, '*', [channel.port2]);
    };
    element.addEventListener('load', begin);
    element.src = address;
    return () => { element.removeEventListener('load', begin); stop(); };
  }, [address, key, language, locale, scheme, place.plugin, place.prefix, client, go]);

  return <iframe ref={frame} title={say(part['label']) || text(part, 'file')} sandbox="allow-scripts" referrerPolicy="no-referrer" style={{ width: '100%', height, border: 0, colorScheme: scheme }} />;
}
