import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { SshUnavailable } from '../errors.ts';
import { eventually, SshWorld } from '../testing.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

let world: SshWorld;
beforeAll(async () => {
  world = await SshWorld.create();
});
afterAll(() => world.close());

const connectTo = async (...extraConfig: string[]) =>
  world.connect(await world.settings(await world.startSshd({ extraConfig })));

const request = { timeoutMs: 30_000 };

test('of 30 commands at once, never more than 4 run', async () => {
  const connection = await connectTo();
  const countRunning = 'mkdir -p running; touch running/$$; ls running | wc -l; sleep 0.1; rm running/$$';
  const results = await Promise.all(Array.from({ length: 30 }, () => connection.run(countRunning, request)));
  const counts = results.map(({ stdout }) => Number(stdout));
  expect(Math.max(...counts)).toBe(4);
});

test.each([1, 2, 5])(
  '30 commands and 30 file requests at once succeed where sshd allows %i sessions',
  async (limit) => {
    const connection = await connectTo(`MaxSessions ${limit}`);
    await connection.files.write('there', Buffer.from('content'), { mode: 0o600, ...request });
    const commands = Array.from({ length: 30 }, (_, index) => connection.run(`sleep 0.01; echo ${index}`, request));
    const files = Array.from({ length: 30 }, () => connection.files.read('there', 0, 100, request));
    expect((await Promise.all(commands)).map(({ stdout }) => stdout)).toEqual(
      Array.from({ length: 30 }, (_, index) => `${index}\n`),
    );
    expect((await Promise.all(files)).map(String)).toEqual(Array.from({ length: 30 }, () => 'content'));
  },
);

test('where sshd allows one session, commands and files take turns for as long as it lasts', async () => {
  const connection = await connectTo('MaxSessions 1');
  for (let round = 0; round < 10; round += 1) {
    expect((await connection.run(`echo ${round} > turn`, request)).exitCode).toBe(0);
    expect(String(await connection.files.read('turn', 0, 100, request))).toBe(`${round}\n`);
  }
});

test('where sshd allows none, a request ends with its deadline, and nothing was sent', async () => {
  const connection = await connectTo('MaxSessions 0');
  await expect(connection.run('true', { timeoutMs: 3000 })).rejects.toThrow(SshUnavailable);
  expect(connection.state.status).toBe('online');
});

test('the wait for a free channel counts against the deadline', async () => {
  const connection = await connectTo();
  const busy = Array.from({ length: 4 }, () => connection.run('sleep 10', request));
  const late = connection.run('touch sent', { timeoutMs: 3000 });
  await expect(late).rejects.toThrow(SshUnavailable);
  await expect(late).rejects.toThrow('the deadline of 3000 ms passed while others were served');
  await Promise.all(busy);
  expect(await connection.run('test -e sent', request)).toMatchObject({ exitCode: 1 });
});

test('the line has an end', async () => {
  const connection = await connectTo();
  await connection.run('true', request);
  const controller = new AbortController();
  const all = Array.from({ length: 300 }, () =>
    connection.run('sleep 60', { timeoutMs: 60_000, signal: controller.signal }).catch((error: Error) => error.message),
  );
  controller.abort();
  const turnedAway = (await Promise.all(all)).filter((message) => String(message).includes('256 requests wait'));
  expect(turnedAway).toHaveLength(300 - 256 - 4);
});

/** The sshd processes that run as the login: they start its commands. */
const sshdOfLogin = () =>
  execFileSync('ps', ['-o', 'pid=,comm=', '-u', world.account.name])
    .toString()
    .split('\n')
    .filter((line) => line.includes('sshd'))
    .map((line) => Number.parseInt(line, 10));

/** As the login, who may look at its own: root of a container may not. */
const prlimit = (...args: string[]) =>
  execFileSync('prlimit', args, { uid: world.account.uid, gid: world.account.gid }).toString().trim();
/** The hard limit stays as it is. */
const limitProcesses = (most: string) => {
  for (const pid of sshdOfLogin()) prlimit(`--pid=${pid}`, `--nproc=${most}:`);
};
const processLimit = () => prlimit(`--pid=${sshdOfLogin()[0]}`, '--nproc', '--output=SOFT', '--noheadings');

test('once a login that had too many processes has fewer, commands run again on the same connection', async () => {
  const connection = await connectTo();
  await connection.run('true', request);
  const states: string[] = [];
  connection.onStateChange(({ status }) => states.push(status));
  const before = processLimit();
  limitProcesses('1');
  for (let round = 0; round < 25; round += 1) {
    await expect(connection.run('true', request)).rejects.toThrow(/started no command.*ulimit -u/);
  }
  const many = Array.from({ length: 30 }, () => connection.run('true', request));
  for (const result of await Promise.allSettled(many)) expect(result.status).toBe('rejected');
  limitProcesses(before);
  await eventually(async () => (await connection.run('echo fine', request)).stdout === 'fine\n');
  const atOnce = await Promise.all(Array.from({ length: 30 }, () => connection.run('echo fine', request)));
  expect(atOnce.filter(({ stdout }) => stdout === 'fine\n')).toHaveLength(30);
  expect(states).toEqual([]);
});
