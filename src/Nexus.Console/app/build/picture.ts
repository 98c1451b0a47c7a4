import { budget, type Chunk, type Load, type Sizes } from './sizes.ts';

interface Box { x: number; y: number; width: number; height: number }

const escape = (text: string): string => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
const kilo = (bytes: number): string => (bytes / 1000).toFixed(1);

/** Squarified rectangles (Bruls, Huizing, van Wijk 2000): items by weight, largest first, in rows whose worst side ratio is the least. */
function laid<T>(items: readonly T[], weight: (item: T) => number, into: Box): (Box & { item: T })[] {
  const placed: (Box & { item: T })[] = [];
  let { x, y, width, height } = into;
  let left = items.reduce((sum, item) => sum + weight(item), 0);
  for (let at = 0; at < items.length && left > 0 && width > 0 && height > 0;) {
    const scale = (width * height) / left;
    const side = Math.min(width, height);
    const worst = (row: readonly T[]): number => {
      const area = row.reduce((sum, item) => sum + weight(item), 0) * scale;
      return Math.max(...row.map((item) => { const own = weight(item) * scale; return Math.max((side * side * own) / (area * area), (area * area) / (side * side * own)); }));
    };
    let row = [items[at]!];
    while (at + row.length < items.length && worst([...row, items[at + row.length]!]) <= worst(row)) row = [...row, items[at + row.length]!];
    const sum = row.reduce((total, item) => total + weight(item), 0);
    const thick = (sum * scale) / side;
    let along = 0;
    for (const item of row) {
      const long = (weight(item) / sum) * side;
      placed.push(width >= height ? { item, x, y: y + along, width: thick, height: long } : { item, x: x + along, y, width: long, height: thick });
      along += long;
    }
    if (width >= height) { x += thick; width -= thick; } else { y += thick; height -= thick; }
    at += row.length;
    left -= sum;
  }
  return placed;
}

function treemap(chunks: readonly Chunk[], first: ReadonlySet<string>): string {
  const label = (text: string, { x, y, width, height }: Box, size: number): string => {
    const fits = Math.floor((width - 6) / (size * 0.6));
    return fits >= 4 && height > size + 4 ? `<text x="${x + 3}" y="${y + size + 1}" font-size="${size}">${escape(text.length > fits ? `${text.slice(0, fits - 1)}…` : text)}</text>` : '';
  };
  return laid(chunks.filter((chunk) => chunk.brotli > 0), (chunk) => chunk.brotli, { x: 0, y: 0, width: 1400, height: 800 }).map(({ item, ...box }) => {
    const inner = { x: box.x + 2, y: box.y + Math.min(16, box.height / 3), width: Math.max(0, box.width - 4), height: Math.max(0, box.height - Math.min(16, box.height / 3) - 2) };
    const modules = laid(item.modules.filter((module) => module.brotli > 0), (module) => module.brotli, inner).map(({ item: module, ...place }) =>
      `<g><title>${escape(`${module.id}\n${kilo(module.raw)} kB, ${kilo(module.brotli)} kB compressed\n${item.file}`)}</title><rect class="module" x="${place.x}" y="${place.y}" width="${place.width}" height="${place.height}"/>${label(module.id.split('/').at(-1)!, place, 10)}</g>`);
    return `<g class="${first.has(item.file) ? 'first' : 'later'}"><title>${escape(`${item.file}: ${kilo(item.raw)} kB, ${kilo(item.brotli)} kB compressed`)}</title><rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}"/>${label(`${item.file.replace('assets/', '')} ${kilo(item.brotli)}`, box, 11)}${modules.join('')}</g>`;
  }).join('\n');
}

const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<table><thead><tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr></thead><tbody>${rows.map((row) => `<tr>${row.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`).join('\n')}</tbody></table>`;

/** The sizes as one page that needs no script and no other file. */
export function pictureOf({ first, pages, chunks }: Sizes, over: readonly string[]): string {
  const short = (files: readonly string[]): string => files.map((file) => file.replace('assets/', '')).join(' ');
  const load = (one: Load): string[] => [one.name, kilo(one.brotli), short(one.files), short(one.later)];
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Scripts of the console</title>
<style>
:root { color-scheme: light dark; font: 14px system-ui, sans-serif; } body { max-width: 1400px; margin: 24px auto; padding: 0 16px; }
svg { width: 100%; height: auto; } svg rect { stroke: Canvas; } .first > rect { fill: #3b5bdb; } .later > rect { fill: #0b7285; } .module { fill: #fff; fill-opacity: .82; } .module:hover { fill-opacity: 1; } text { pointer-events: none; font-family: system-ui, sans-serif; fill: #fff; } g g text { fill: #111; }
table { border-collapse: collapse; width: 100%; margin-bottom: 16px; } th, td { text-align: start; vertical-align: top; padding: 3px 12px 3px 0; border-bottom: 1px solid #8884; overflow-wrap: anywhere; } td:nth-child(2), td:nth-child(3) { font-variant-numeric: tabular-nums; }
.over { color: #c92a2a; font-weight: 600; } summary { cursor: pointer; padding: 4px 0; }
</style>
<h1>Scripts of the console</h1>
<p>In kB (1000 bytes), compressed with Brotli where nothing else is said. The first visit fetches ${kilo(first.brotli)} of ${kilo(budget.first)}; a page at most ${kilo(Math.max(0, ...pages.map((page) => page.brotli)))} on top, of ${kilo(budget.page)}. All of it is ${kilo(chunks.reduce((sum, chunk) => sum + chunk.brotli, 0))}.</p>
${over.map((sentence) => `<p class="over">${escape(sentence)}</p>`).join('')}
<h2>All scripts</h2><p>Blue is fetched by the first visit, green when it is needed. What a module weighs is its share of its file.</p>
<svg viewBox="0 0 1400 800" role="img" aria-label="Scripts by their weight">${treemap(chunks, new Set(first.files))}</svg>
<h2>What is fetched together</h2>
${table(['load', 'compressed', 'files', 'may follow'], [first, ...pages].map(load))}
<h2>What files are made of</h2>
${chunks.map((chunk) => `<details><summary>${escape(chunk.file)}: ${kilo(chunk.brotli)} (${kilo(chunk.raw)} as it is)</summary>${table(['module', 'compressed', 'as it is'], chunk.modules.map((module) => [module.id, kilo(module.brotli), kilo(module.raw)]))}</details>`).join('\n')}
</html>
`;
}
