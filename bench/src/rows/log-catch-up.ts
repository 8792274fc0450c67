import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, open } from 'node:fs/promises';
import { FileWatches } from '@slurmql/server/src/logs/index.ts';
import { SshConnection } from '@slurmql/server/src/ssh/index.ts';
import { pino } from 'pino';
import type { Benchmark, Row } from '../benchmark.ts';
import { follow, LogsServer } from '../logs-server.ts';
import { median, timed } from '../statistics.ts';

const MIB = 1024 ** 2;
const SIZE_MIB = 250;
const ROUNDS = 5;

/** How fast a long log is read from its beginning: up to the server, and on to the text in a client. */
export const benchmark: Benchmark = {
  about: 'catching up with a log of 250 MiB, beside "ssh host cat"',
  async run({ stack, progress }) {
    const { server, slurm, jobs } = await LogsServer.start(stack, 1);
    const [job] = jobs;
    if (job === undefined) throw new Error('no job');
    const file = await open(job.path, 'w');
    const block = Buffer.from(
      `${'epoch 12 step 3456 loss 0.1234 accuracy 0.9876 learning rate 0.0003 it/s 12.5'.padEnd(127)}\n`.repeat(8192),
    );
    for (let written = 0; written < SIZE_MIB; written += 1) await file.write(block);
    await file.close();
    await chmod(job.path, 0o644);
    const cluster = slurm.cluster('alpha');
    progress(`${SIZE_MIB} MiB are written`);

    const connection = new SshConnection(cluster, {
      homeDirectory: '/nonexistent',
      userName: cluster.user,
      configFile: '/nonexistent/config',
    });
    stack.defer(() => connection.stop());
    connection.start();
    const request = { timeoutMs: 60_000 };
    await connection.files.stat(job.path, request);

    const cat = () =>
      timed(async () => {
        const { identityFile, knownHosts, port, user, host } = cluster;
        const child = spawn('ssh', [
          ...['-F', 'none', '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${knownHosts}`],
          ...['-i', identityFile, '-p', String(port), `${user}@${host}`, `cat ${job.path}`],
        ]);
        child.stdout.resume();
        await once(child, 'close');
      });
    const toServer = () =>
      timed(async () => {
        using watch = new FileWatches(pino({ level: 'silent' })).open('alpha', connection.files, job.path);
        await watch.nextLook(new AbortController().signal);
        let place = watch.place(0);
        let next = watch.read(place, 'grown');
        for (;;) {
          const followed = await next;
          if (followed.kind !== 'chunk') break;
          place = followed.next;
          next = watch.read(place, 'grown');
        }
        if (place.offset !== SIZE_MIB * MIB) throw new Error(`${place.offset} bytes came`);
      });
    const toClient = () =>
      timed(async () => {
        for await (const { endOffset } of follow(server, job.id)) if (endOffset === SIZE_MIB * MIB) return;
      });

    const figures = { cat: [] as number[], server: [] as number[], client: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      figures.cat.push(SIZE_MIB / ((await cat()) / 1000));
      figures.server.push(SIZE_MIB / ((await toServer()) / 1000));
      figures.client.push(SIZE_MIB / ((await toClient()) / 1000));
      progress(
        Object.entries(figures)
          .map(([name, rates]) => `${name} ${rates.at(-1)?.toFixed(0)} MiB/s`)
          .join(', '),
      );
    }
    const row = (work: string, rates: readonly number[], share: number): Row => ({
      work,
      unit: '/s',
      ours: median(rates),
      against: { name: 'ssh host cat, MiB', kind: 'peer', figure: median(figures.cat) },
      goal: { atLeast: share },
      samples: ROUNDS,
    });
    return [
      row(`${SIZE_MIB} MiB of a log to the server, MiB`, figures.server, 0.8),
      row(`${SIZE_MIB} MiB of a log to the text in a client, MiB`, figures.client, 0.4),
    ];
  },
};
