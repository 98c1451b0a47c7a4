import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import '@mantine/spotlight/styles.css';
import './shell/console.css';
import { createRoot } from 'react-dom/client';
import { App, begin } from './shell/App';
import { pages } from './shell/pages';
import { chosenLanguage, load } from './words';

/** What a boundary shows in its place is told here for who develops, and is no complaint of the page. */
const told = (error: unknown, info: { componentStack?: string | undefined }): void => console.info(error, info.componentStack);

// The code of a page comes while the node is asked who is there.
begin();
if (/^\/console\/r\/[^/]+\/?$/.test(location.pathname)) void import('./resources/ListPage');
else if (location.pathname.startsWith('/console/r/')) void import('./resources/DetailPage');
else void pages.find((page) => `/console${page.path}` === location.pathname)?.fetch();

const language = chosenLanguage();
void load(language).then((words) => createRoot(document.getElementById('app')!, { onCaughtError: told }).render(<App language={language} words={words} />));

if ('serviceWorker' in navigator && import.meta.env.PROD) void navigator.serviceWorker.register('/console/worker.js', { scope: '/console/' }).catch(() => undefined);
