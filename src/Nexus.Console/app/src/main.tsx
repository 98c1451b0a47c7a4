import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import '@mantine/spotlight/styles.css';
import './shell/console.css';
import { createRoot } from 'react-dom/client';
import { App } from './shell/App';
import { chosenLanguage, load } from './words';

const language = chosenLanguage();
void load(language).then((words) => createRoot(document.getElementById('app')!).render(<App language={language} words={words} />));

if ('serviceWorker' in navigator && import.meta.env.PROD) void navigator.serviceWorker.register('/console/worker.js', { scope: '/console/' }).catch(() => undefined);
