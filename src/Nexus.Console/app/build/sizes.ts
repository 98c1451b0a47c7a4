import { brotliCompressSync, constants } from 'node:zlib';
import { minifySync, type Rolldown } from 'vite';
import { filesOfPage, follow } from './first.ts';

/** Bytes as they are, and as they go over the wire. */
export interface Size { raw: number; brotli: number }

export interface Chunk extends Size { file: string; modules: ({ id: string } & Size)[] }

/** Files that are fetched together, and those that may follow from there. */
export interface Load { name: string; brotli: number; files: string[]; later: string[] }

export interface Sizes { first: Load; pages: Load[]; chunks: Chunk[] }

/** What scripts may weigh, compressed: until the first page is there, and what a page or a part of it fetches on top. */
export const budget = { first: 200_000, page: 60_000 };

/** Asked for by every first visit, without being named by the page. */
const always = ['shell/Bell.tsx', 'words/de.ts'];

/** Parts that weigh what they weigh: who has a chart on the page wants it. */
const exempt = ['contributed/Chart.tsx'];

const weigh = (text: string): number => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const within = (id: string | null): string => (id ?? '').split('?')[0]!.replace(/^.*\/(?:app\/src|node_modules)\//, '');

/** Measures the scripts of a build. */
export function sizesOf(bundle: Rolldown.OutputBundle): Sizes {
  const outputs = Object.values(bundle).filter((file) => file.type === 'chunk');
  const chunks = outputs.map((chunk) => chunkOf(chunk)).sort((a, b) => b.brotli - a.brotli);
  const weights = new Map(chunks.map((chunk) => [chunk.file, chunk.brotli]));
  const files = new Map(outputs.map((chunk) => [within(chunk.facadeModuleId), chunk.fileName]));
  const load = (name: string, wanted: Set<string>, have: ReadonlySet<string>): Load => {
    const own = [...wanted].filter((file) => weights.has(file) && !have.has(file)).sort();
    const later = outputs.filter((chunk) => own.includes(chunk.fileName)).flatMap((chunk) => chunk.dynamicImports).filter((file) => !wanted.has(file) && !have.has(file));
    return { name, brotli: own.reduce((sum, file) => sum + weights.get(file)!, 0), files: own, later: [...new Set(later)].sort() };
  };
  const seen = filesOfPage(bundle);
  for (const source of always) {
    const file = files.get(source);
    if (!file) throw new Error(`No script of its own is built from src/${source}; build/sizes.ts says that every first visit fetches it.`);
    follow(bundle, file, seen);
  }
  const pages = outputs.filter((chunk) => chunk.isDynamicEntry && !seen.has(chunk.fileName)).map((chunk) => {
    const wanted = new Set<string>();
    follow(bundle, chunk.fileName, wanted);
    // A part comes when the page that asks for it is there; of several pages the one counts that has least of it.
    const loads = outputs.filter((other) => other.dynamicImports.includes(chunk.fileName)).map((other) => {
      const have = new Set(seen);
      follow(bundle, other.fileName, have);
      return load(within(chunk.facadeModuleId), wanted, have);
    });
    return loads.reduce((most, one) => (one.brotli > most.brotli ? one : most));
  });
  return { first: load('first visit', seen, new Set()), pages: pages.sort((a, b) => b.brotli - a.brotli), chunks };
}

/** What a chunk is made of. A module that is compressed alone weighs more than its share, so the shares are made to add up. */
function chunkOf(chunk: Rolldown.OutputChunk): Chunk {
  const alone = Object.entries(chunk.modules).flatMap(([id, { code }]) => {
    if (!code) return [];
    const small = minifySync(id.replace(/^\0/, '').split('?')[0]!.replace(/\.[jt]sx?$/, '') + '.js', code).code || code;
    return [{ id: within(id), raw: Buffer.byteLength(small), brotli: weigh(small) }];
  });
  const brotli = weigh(chunk.code);
  const share = brotli / Math.max(1, alone.reduce((sum, module) => sum + module.brotli, 0));
  return { file: chunk.fileName, raw: Buffer.byteLength(chunk.code), brotli, modules: alone.map((module) => ({ ...module, brotli: Math.round(module.brotli * share) })).sort((a, b) => b.brotli - a.brotli) };
}

/** Each load that is over the budget, as a sentence with the file and the modules that weigh most. */
export function overBudget({ first, pages, chunks }: Sizes, limits = budget): string[] {
  const tell = (load: Load, limit: number): string => {
    const largest = chunks.find((chunk) => load.files.includes(chunk.file))!;
    const modules = largest.modules.slice(0, 5).map((module) => `${module.id} ${module.brotli}`).join(', ');
    return `${load.name}: ${load.brotli} bytes of compressed script, and ${limit} are allowed; the largest file is ${largest.file} with ${largest.brotli}, of which ${modules}.`;
  };
  return [
    ...(first.brotli > limits.first ? [tell(first, limits.first)] : []),
    ...pages.filter((page) => page.brotli > limits.page && !exempt.includes(page.name)).map((page) => tell(page, limits.page)),
  ];
}
