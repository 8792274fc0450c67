import './app.css';
import { render } from 'solid-js/web';
import { App } from './app.tsx';
import { takeSessionKey } from './graphql/session-key.ts';

await takeSessionKey();
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element #root');
render(() => <App />, root);
