import type { Rolldown } from 'vite';

/** Files that the written page names, with all they import: what the first visit cannot do without. */
export function filesOfPage(bundle: Rolldown.OutputBundle): Set<string> {
  const first = new Set<string>();
  const page = bundle['index.html'];
  const text = page?.type === 'asset' ? String(page.source) : '';
  for (const [, name] of text.matchAll(/<(?:script|link)[^>]* (?:src|href)="\/console\/(assets\/[^"]+)"/g)) follow(bundle, name!, first);
  return first;
}

/** Adds a file and what it imports. */
export function follow(bundle: Rolldown.OutputBundle, name: string, into: Set<string>): void {
  const chunk = bundle[name];
  if (into.has(name) || !chunk) return;
  into.add(name);
  if (chunk.type !== 'chunk') return;
  for (const one of chunk.imports) follow(bundle, one, into);
  chunk.viteMetadata?.importedCss.forEach((css) => into.add(css));
}
