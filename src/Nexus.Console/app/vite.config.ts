import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compress } from './build/compress.ts';
import { offline } from './build/offline.ts';
import { report } from './build/report.ts';
import { shared, sharedEntries } from './build/shared.ts';

// A request costs a round trip, and an HTTP/1.1 connection carries one at a time: what the first page needs is one file, and what pages share are few.
const groups = [
  { name: 'index', tags: ['$initial' as const], priority: 2 },
  { name: 'shared', minShareCount: 2, entriesAware: true, entriesAwareMergeThreshold: 12_000, priority: 1 },
];

// The page's nonce is put in by the server with each answer, so that the strictest content policy holds.
export default defineConfig({
  base: '/console/',
  html: { cspNonce: '%NONCE%' },
  build: { target: 'es2023', emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false, chunkSizeWarningLimit: 700, cssCodeSplit: true, rolldownOptions: { input: { index: 'index.html', ...sharedEntries }, preserveEntrySignatures: 'strict', output: { codeSplitting: { groups }, chunkFileNames: ({ name }: { name: string }) => `assets/${name.startsWith('shared~') ? 'shared' : '[name]'}-[hash].js` } } },
  plugins: [react(), shared(), offline(), report(fileURLToPath(new URL('../../../artifacts/bundle', import.meta.url))), compress()],
  server: { proxy: { '/api': 'http://127.0.0.1:8000', '/live': { target: 'http://127.0.0.1:8000', ws: true } } },
});
