import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { Router } from 'wouter';
import { Problem, signedOut } from '../api/http';
import { follow, live } from '../api/live';
import { catalogueQuery } from '../api/catalogue';
import { isIn, userQuery, useUser, useView, viewKey, viewQuery } from '../api/session';
import { chosenLanguage, keepLanguage, load, SpeechContext, type Language, type Words } from '../words';
import { Fault, Waiting } from './Parts';
import { Shell } from './Shell';
import { SignIn } from './SignIn';
import { theme } from './theme';

/** The nonce of this page: its own style elements carry it, others are refused. */
const nonce = (): string => document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

// Style elements of the parts that lock scrolling look for it here.
Object.assign(globalThis, { __webpack_nonce__: nonce() });

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: true,
      networkMode: 'always',
      retry: (count, error) => count < 2 && error instanceof Problem && (error.status === 503 || error.status === 429),
    },
    mutations: { networkMode: 'always' },
  },
});

// Signed out elsewhere, or the session ended: the console asks again who it is.
signedOut.add(() => void client.invalidateQueries({ queryKey: viewKey }));
follow(client);

/** Asks for what every page needs before anything is drawn: who it is, then at once the rest. */
export function begin(): void {
  void client.fetchQuery(viewQuery).then((view) => {
    if (!isIn(view)) return;
    if (view.signIn) void client.prefetchQuery(userQuery);
    void client.prefetchQuery(catalogueQuery);
  }, () => undefined);
}

/** Everything around the pages: language, colours, what was read, where one is. */
export function App({ language: first, words: firstWords }: { language: Language; words: Words }): ReactNode {
  const [language, setLanguage] = useState(first);
  const [words, setWords] = useState(firstWords);
  const speech = useMemo(() => ({
    words,
    language,
    locale: navigator.languages.find((l) => l.startsWith(language)) ?? language,
    choose: (chosen: Language) => {
      keepLanguage(chosen);
      void load(chosen).then((loaded) => {
        // Another may have been chosen while this one was fetched.
        if (chosenLanguage() !== chosen) return;
        setWords(loaded);
        setLanguage(chosen);
      });
    },
  }), [language, words]);
  useEffect(() => { document.documentElement.lang = language; }, [language]);
  return (
    <SpeechContext value={speech}>
      <QueryClientProvider client={client}>
        <Coloured>
          <Notifications position="bottom-right" />
          <Router base="/console"><Gate /></Router>
        </Coloured>
      </QueryClientProvider>
    </SpeechContext>
  );
}

/** The configured colours; who chose light or dark keeps it. Known from the visit before until the node has answered. */
function Coloured({ children }: { children: ReactNode }): ReactNode {
  const view = useView();
  const [colour, scheme] = view.data ? [view.data.theme.colour, view.data.theme.scheme] : keptTheme();
  useEffect(() => { if (view.data) localStorage.setItem(themeKey, `${colour} ${scheme}`); }, [view.data, colour, scheme]);
  const own = useMemo(() => ({ ...theme, primaryColor: colour }), [colour]);
  return <MantineProvider key={scheme} theme={own} defaultColorScheme={scheme} getStyleNonce={nonce}>{children}</MantineProvider>;
}

const themeKey = 'nexus.theme';

function keptTheme(): [string, 'auto' | 'light' | 'dark'] {
  const [colour = 'indigo', scheme = 'auto'] = (localStorage.getItem(themeKey) ?? '').split(' ').filter(Boolean);
  return [colour, scheme as 'auto'];
}

/** Who is signed in sees the console; who is not is asked to. */
function Gate(): ReactNode {
  const view = useView();
  const user = useUser();
  const isThere = view.data !== undefined && isIn(view.data);
  useEffect(() => {
    if (!isThere) return;
    live.start();
    return () => live.stop();
  }, [isThere, view.data?.caller.id]);
  if (isThere && user.data?.mustChangePassword) return <SignIn mustChange />;
  if (view.data && !isThere) return <SignIn />;
  if (view.data && !user.isLoading) return <Shell view={view.data} />;
  return <main style={{ padding: 24 }}>{view.error ? <Fault error={view.error} retry={() => void view.refetch()} /> : <Waiting />}</main>;
}
