import { useSpeech } from '../words';

/** Whose part it is: addresses are relative to the plugin's prefix. */
export interface Place { plugin: string; prefix: string; name: string }

/** A text in the person's language. */
export function useSay(): (said: unknown) => string {
  const { language } = useSpeech();
  return (said) => (typeof said === 'string' ? said : said && typeof said === 'object' && 'default' in said ? ((said as Record<string, string>)[language] ?? String(said.default)) : said === undefined || said === null ? '' : String(said));
}
