import type { Plugin } from 'vite';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { filesOfPage } from './first.ts';

/** Adds the service worker, which knows the files of this build: those of the first page are kept at once, the others when they were used. */
export function offline(): Plugin {
  return {
    name: 'nexus-offline',
    apply: 'build',
    // After the page is written: what it names is what the first visit needs.
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const first = filesOfPage(bundle);
        if (first.size === 0) this.error('The page names no script.');
        const version = createHash('sha256').update(Object.keys(bundle).sort().join('\n')).digest('hex').slice(0, 12);
        const source = readFileSync(new URL('./worker.js', import.meta.url), 'utf8')
          .replace('__VERSION__', JSON.stringify(version))
          .replace('__FIRST__', JSON.stringify([...first].sort().map((f) => `/console/${f}`)));
        this.emitFile({ type: 'asset', fileName: 'worker.js', source });
      },
    },
  };
}
