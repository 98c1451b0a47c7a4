import { useSpeech } from '../words';

/** A text for people, in one language or in several. */
export type Said = string | ({ default: string } & Record<string, string>);

/** Whose part it is: addresses are relative to the plugin's prefix. */
export interface Place { plugin: string; prefix: string; name: string }

/** A page of a plugin, as the menu has it. */
export interface PageEntry extends Place { title: Said; icon: string | null; position: number; path: string }

/** A text in the person's language. */
export function useSay(): (said: unknown) => string {
  const { language } = useSpeech();
  return (said) => (typeof said === 'string' ? said : said && typeof said === 'object' && 'default' in said ? ((said as Record<string, string>)[language] ?? String(said.default)) : said === undefined || said === null ? '' : String(said));
}
