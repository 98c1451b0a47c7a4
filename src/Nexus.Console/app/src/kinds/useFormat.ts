import { useMemo } from 'react';
import { useSpeech } from '../words';
import { Format } from './format';

export function useFormat(): Format {
  const { locale, words } = useSpeech();
  return useMemo(() => new Format(locale, words), [locale, words]);
}
