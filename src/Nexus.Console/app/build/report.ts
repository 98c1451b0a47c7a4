import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import { pictureOf } from './picture.ts';
import { overBudget, sizesOf } from './sizes.ts';

/** Holds scripts to their budget: a build that is over it fails. In the mode `analyze` it also writes what they are made of, for people and as JSON. */
export function report(folder: string): Plugin {
  let isAnalysis = false;
  return {
    name: 'nexus-report',
    apply: 'build',
    config: (_, { mode }) => {
      isAnalysis = mode === 'analyze';
      return isAnalysis ? { build: { write: false } } : null;
    },
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const sizes = sizesOf(bundle);
        const over = overBudget(sizes);
        if (isAnalysis) {
          mkdirSync(folder, { recursive: true });
          writeFileSync(join(folder, 'bundle.json'), JSON.stringify(sizes, null, 2));
          writeFileSync(join(folder, 'bundle.html'), pictureOf(sizes, over));
          console.log(`${join(folder, 'bundle.html')}\n${join(folder, 'bundle.json')}`);
        }
        if (over.length > 0) this.error(`Over the budget of build/sizes.ts (npm run analyze shows all of it):\n${over.join('\n')}`);
      },
    },
  };
}
