import { useMemo } from 'react';
import { useSpeech } from '../words';
import { Format } from './format';

let last: Format | undefined;

/** One for all that is drawn: its formatters are dear to make. */
export function useFormat(): Format {
  const { locale, words } = useSpeech();
  return useMemo(() => (last?.locale === locale && last.words === words ? last : (last = new Format(locale, words))), [locale, words]);
}
