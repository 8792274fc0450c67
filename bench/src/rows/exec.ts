import { SshWorld } from '@slurmql/server/src/ssh/testing.ts';
import type { Benchmark } from '../benchmark.ts';
import { ControlMaster } from '../parts/control-master.ts';
import { median, timed } from '../statistics.ts';

const WARM_UP = 10;
const ROUNDS = 200;

/** What a command costs on the one connection to a cluster, beside OpenSSH's way of keeping one. */
export const benchmark: Benchmark = {
  about: 'a command on the kept connection, beside OpenSSH with ControlMaster',
  async run({ stack }) {
    const world = await SshWorld.create();
    stack.defer(() => world.close());
    const sshd = await world.startSshd();
    const settings = await world.settings(sshd);

    const connection = world.connect(settings);
    await connection.run('true\n', { timeoutMs: 30_000 });

    const ssh = stack.use(await ControlMaster.open(settings));

    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
      const ourMs = await timed(() => connection.run('true\n', { timeoutMs: 30_000 }));
      const theirMs = await timed(() => ssh.run('true'));
      if (round < WARM_UP) continue;
      ours.push(ourMs);
      theirs.push(theirMs);
    }
    return [
      {
        work: 'a command on the kept connection, p50',
        unit: 'ms',
        ours: median(ours),
        against: { name: 'ssh over a ControlMaster, p50', kind: 'peer', figure: median(theirs) },
        goal: { atMost: 1 },
        samples: ours.length,
      },
    ];
  },
};
