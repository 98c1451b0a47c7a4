import { createContext, useContext } from 'react';
import { en, type Words } from './en';

export type Language = 'en' | 'de';
export type { Words };

const languageKey = 'nexus.language';

/** The language that was chosen, else that of the browser, else English. */
export function chosenLanguage(): Language {
  const chosen = localStorage.getItem(languageKey) ?? navigator.language.slice(0, 2);
  return chosen === 'de' ? 'de' : 'en';
}

export const keepLanguage = (language: Language): void => localStorage.setItem(languageKey, language);

/** Words of a language; only those that are used are fetched. */
export const load = async (language: Language): Promise<Words> => (language === 'de' ? (await import('./de')).de : en);

export interface Speech { words: Words; language: Language; /** Locale of numbers, money and times. */ locale: string; choose: (language: Language) => void }

export const SpeechContext = createContext<Speech>({ words: en, language: 'en', locale: 'en', choose: () => {} });

export const useSpeech = (): Speech => useContext(SpeechContext);
export const useWords = (): Words => useContext(SpeechContext).words;
