import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compress } from './build/compress.ts';
import { offline } from './build/offline.ts';
import { shared, sharedEntries } from './build/shared.ts';

// The page's nonce is put in by the server with each answer, so that the strictest content policy holds.
export default defineConfig({
  base: '/console/',
  html: { cspNonce: '%NONCE%' },
  build: { target: 'es2023', emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false, cssCodeSplit: true, rolldownOptions: { input: { index: 'index.html', ...sharedEntries }, preserveEntrySignatures: 'strict' } },
  plugins: [react(), shared(), offline(), compress()],
  server: { proxy: { '/api': 'http://127.0.0.1:8000', '/live': { target: 'http://127.0.0.1:8000', ws: true } } },
});
