import type { Plugin } from 'vite';

/** What modules of plugins may import by name, with the file of the source that gives it. */
const names: Readonly<Record<string, string>> = { react: 'react', 'react-dom': 'react-dom', 'react-dom/client': 'react-dom-client', 'react/jsx-runtime': 'react-jsx-runtime' };

/** Entries of the build beside the page. */
export const sharedEntries: Record<string, string> = Object.fromEntries(Object.values(names).map((file) => [`share-${file}`, `src/share/${file}.ts`]));

/** Writes the one import map into the page. It is data, and carries the page's nonce: browsers take it from nowhere else than the page. */
export function shared(): Plugin {
  return {
    name: 'nexus-shared',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (_, { bundle }) => {
        const files = new Map(Object.values(bundle ?? {}).flatMap((chunk) => (chunk.type === 'chunk' && chunk.isEntry ? [[chunk.name, chunk.fileName] as const] : [])));
        const imports = Object.fromEntries(Object.entries(names).map(([name, file]) => [name, `/console/${files.get(`share-${file}`)}`]));
        return [{ tag: 'script', attrs: { type: 'importmap', nonce: '%NONCE%' }, children: JSON.stringify({ imports }), injectTo: 'head-prepend' }];
      },
    },
  };
}
