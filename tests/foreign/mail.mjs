// smtp-server: takes letters, each a line of JSON on stdout. Lines on stdin change how it behaves; each is answered by "done".
import { createInterface } from 'node:readline';
import { SMTPServer } from 'smtp-server';

const { port, user, password, key, cert, plain } = JSON.parse(process.argv[2]);
let mode = 'take';
const refusal = (responseCode, text) => Object.assign(new Error(text), { responseCode });
const server = new SMTPServer({
  ...(key ? { key, cert } : {}),
  disabledCommands: plain ? ['STARTTLS'] : [],
  authOptional: !user,
  allowInsecureAuth: !!plain,
  onConnect: (_, next) => { if (mode !== 'silent') next(); },
  onAuth: (given, session, next) => given.username === user && given.password === password ? next(null, { user }) : next(refusal(535, 'Wrong name or password')),
  onRcptTo: (address, _, next) => next(mode === 'unknown' ? refusal(550, 'No such mailbox') : mode === 'busy' ? refusal(451, 'Try again later') : null),
  onData: (stream, session, next) => {
    let text = '';
    stream.on('data', chunk => { text += chunk; });
    stream.on('end', () => {
      if (mode === 'slow') return;
      console.log(JSON.stringify({ from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map(r => r.address), secure: session.secure, user: session.user ?? null, text }));
      next();
    });
  },
});
server.on('error', error => console.error(error.message));
createInterface({ input: process.stdin }).on('line', line => { mode = line; console.log('done'); }).on('close', () => process.exit(0));
server.listen(port, '127.0.0.1', () => console.log('ready'));
