import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Plugin, ResolvedConfig } from 'vite';

/** Writes each file of the output compressed beside itself: the host sends those bytes as they are. */
export function compress(): Plugin {
  let config: ResolvedConfig;
  const all = (folder: string): string[] =>
    readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? all(path) : [path];
    });
  return {
    name: 'nexus-compress',
    apply: 'build',
    configResolved: (resolved) => { config = resolved; },
    closeBundle: () => {
      if (!config.build.write) return;
      for (const path of all(config.build.outDir).filter((p) => !p.endsWith('.br')))
        writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path), { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    },
  };
}
