import { mkdir, writeFile } from 'node:fs/promises';
import { type LocalSlurm, RELEASES, startLocalSlurm } from '@slurmql/local-slurm';
import {
  ACCOUNTING_FIELDS_OF_RELEASES,
  accountingScript,
  accountingTrial,
} from '../../src/slurm/commands/accounting.ts';
import { controlScript } from '../../src/slurm/commands/control.ts';
import { inventoryScript } from '../../src/slurm/commands/inventory.ts';
import { probeScript } from '../../src/slurm/commands/login.ts';
import { ARRAY_OPTIONS, queueScript, queueTrial } from '../../src/slurm/commands/queue.ts';
import type { Trial } from '../../src/slurm/commands/trial.ts';
import { FIELD_END } from '../../src/slurm/parse/queue.ts';
import { trialOutcome } from '../../src/slurm/parse/trial.ts';
import type { Script } from '../../src/slurm/shell.ts';
import { quote } from '../../src/ssh/index.ts';
import { ClusterLogin } from '../support/cluster-login.ts';
import { until } from '../support/server.ts';

// `node test/releases/record.ts [RELEASE …]`: records what each release of Slurm prints, for the unit tests of the parsers
// (src/slurm/fixtures/releases). To be run again for a new release, or when a question changes.

const FIXTURES = new URL('../../src/slurm/fixtures/releases/', import.meta.url);

const CLUSTER = {
  name: 'alpha',
  nodes: [
    { name: 'cpu01', cpus: 64, memoryMb: 64_000 },
    { name: 'cpu02', cpus: 8, memoryMb: 16_000 },
    { name: 'gpu01', cpus: 32, memoryMb: 64_000, gpus: { type: 'a100', count: 4 } },
    {
      name: 'gpu02',
      cpus: 32,
      memoryMb: 64_000,
      gpus: [
        { type: 'h100', count: 2 },
        { type: '1g.5gb', count: 2 },
      ],
    },
    { name: 'drained', gpus: { count: 4 } },
    { name: 'down', state: 'DOWN' },
  ],
  partitions: [
    { name: 'cpu', nodes: ['cpu01'], maxTime: '7-00:00:00' },
    { name: 'gpu', nodes: ['gpu01', 'gpu02', 'drained'], maxTime: '2-00:00:00' },
    { name: 'old', nodes: ['down', 'cpu02'], state: 'INACTIVE' },
  ],
  slurmConf: ['MinJobAge=3600'],
} as const;

/** What is asked of sbatch, by the label that the job's name begins with. */
const JOBS: Readonly<Record<string, readonly [options: string, command: string]>> = {
  completed: ['', 'true'],
  failed: ['', 'exit 1'],
  'exit-143': ['', 'exit 143'],
  killed: ['', 'kill -9 $$'],
  terminated: ['', 'kill -15 $$'],
  'timed-out': ['-t 60', 'sleep 600'],
  'cancelled-running': ['', 'sleep 600'],
  'cancelled-waiting': ['--hold', 'true'],
  running: ['', 'sleep 600'],
  held: ['--hold', 'true'],
  'held-by-admin': ['--begin=now+1hour', 'true'],
  later: ['--begin=now+1hour', 'true'],
  suspended: ['', 'sleep 600'],
  requeued: ['--requeue', '[ -n "$SLURM_RESTART_COUNT" ] || sleep 600'],
  fixed: ['--no-requeue', 'sleep 600'],
  gpus: ['-p gpu -w gpu01 --gres=gpu:a100:2', 'sleep 600'],
  array: ['--array=0-9%2', '[ "$SLURM_ARRAY_TASK_ID" -gt 1 ] || exit "$SLURM_ARRAY_TASK_ID"; sleep 600'],
  'array-held': ['--hold --array=0-5', 'true'],
  dependent: ['--dependency=afterok:$failed', 'true'],
  het: ['-n 1 : -p gpu -w gpu02 --gres=gpu:h100:1', 'sleep 600'],
  warned: ['-N 2 -n 1', 'true'],
  'bad-partition': ['-p nope', 'true'],
  'bad-gpus': ['-p gpu --gres=gpu:a100:64', 'true'],
  'bad-account': ['-A nobody', 'true'],
  'bad-time': ['-p gpu -t 30-0', 'true'],
  'bad-option': ['--nonsense', 'true'],
  inactive: ['-p old', 'true'],
};

/** Each is tried on a job with which scontrol has nothing to do. */
const REFUSED = [
  ['hold', 'running'],
  ['hold', 'completed'],
  ['release', 'held-by-admin'],
  ['release', 'completed'],
  ['requeue', 'held'],
  ['requeue', 'fixed'],
  ['requeue', 'array-held'],
] as const;

class Recording {
  readonly #slurm: LocalSlurm;
  readonly #login: ClusterLogin;
  readonly #folder: URL;
  /** Slurm's numbers, by label. */
  readonly #ids = new Map<string, string>();

  constructor(slurm: LocalSlurm, login: ClusterLogin, folder: URL) {
    this.#slurm = slurm;
    this.#login = login;
    this.#folder = folder;
  }

  async record(): Promise<void> {
    await this.#admin('update', 'NodeName=drained', 'State=DRAIN', 'Reason=bad fan: since May');
    await this.#write('sbatch-answers.json', await this.#submitted());
    await this.#settled();
    await this.#write('scontrol-refusals.json', await this.#refusals());

    const probe = await this.#asked(probeScript('~/slurmql'), 'version', 'configuration');
    await this.#write('version.txt', probe['version']);
    await this.#write('configuration.txt', probe['configuration']);
    const queueWay = await this.#tried(queueTrial(null, false));
    const accountingWay = await this.#tried(accountingTrial(null));
    await this.#write('trials.json', { queue: queueWay.answers, accounting: accountingWay.answers });
    for (const [file, arrays] of [
      ['queue.txt', ARRAY_OPTIONS[queueWay.way]],
      ['queue-together.txt', null],
    ] as const) {
      const { queue } = await this.#asked(queueScript(null, false, arrays ?? null), 'queue');
      await this.#write(file, queue);
    }
    const fields = ACCOUNTING_FIELDS_OF_RELEASES[accountingWay.way];
    const { accounting } = await this.#asked(accountingScript(null, [...this.#ids.values()], fields), 'accounting');
    await this.#write('accounting.txt', accounting);
    const inventory = await this.#asked(inventoryScript(null), 'partitions', 'nodes');
    await this.#write('partitions.txt', inventory['partitions']);
    await this.#write('nodes.txt', inventory['nodes']);
  }

  async #submitted(): Promise<readonly object[]> {
    const answers: object[] = [];
    for (const [index, [label, [options, command]]] of Object.entries(JOBS).entries()) {
      // A job of the product's: by the path of its script and its folder.
      const folder = `$HOME/slurmql/jobs/01K${String(index).padStart(23, '0')}`;
      const common = `-J ${label} -o /dev/null --chdir=${folder}`;
      const [code, stdout = '', stderr = ''] = (
        await this.#login.run(`mkdir -p ${folder}; failed=${this.#ids.get('failed') ?? ''}
printf '#!/bin/bash\\n%s\\n' ${quote(command)} >${folder}/job.sh
sbatch --parsable ${common} ${options.replace(' : ', ` : ${common} `)} ${folder}/job.sh >out 2>err; echo $?; printf '${FIELD_END}'; cat out; printf '${FIELD_END}'; cat err`)
      ).split(FIELD_END);
      answers.push({ label, options, exitCode: Number(code), stdout, stderr });
      const id = /^\d+/m.exec(stdout)?.[0];
      if (id !== undefined) this.#ids.set(label, id);
    }
    return answers;
  }

  /** Resolves once every job is what its label says. */
  async #settled(): Promise<void> {
    for (const label of ['timed-out', 'cancelled-running', 'running', 'suspended', 'requeued', 'fixed', 'gpus', 'het'])
      await this.#reaches(label, 'RUNNING');
    await this.#admin('update', `JobId=${this.#id('timed-out')}`, 'EndTime=now+1seconds');
    await this.#slurm.run('alpha', 'scancel', [this.#id('cancelled-running'), this.#id('cancelled-waiting')]);
    await this.#admin('hold', this.#id('held-by-admin'));
    await this.#admin('suspend', this.#id('suspended'));
    await this.#admin('requeue', this.#id('requeued'));
    await this.#admin('release', `${this.#id('array-held')}_3`);
    const states = {
      ...{ completed: 'COMPLETED', failed: 'FAILED', killed: 'FAILED', terminated: 'FAILED', requeued: 'COMPLETED' },
      ...{ 'timed-out': 'TIMEOUT', 'cancelled-running': 'CANCELLED', suspended: 'SUSPENDED', 'exit-143': 'FAILED' },
      'array-held': 'COMPLETED',
    };
    for (const [label, state] of Object.entries(states)) await this.#reaches(label, state);
    // slurmdbd hears of ends within seconds.
    await until(
      () => this.#slurm.run('alpha', 'sacct', ['-a', '-X', '-n', '-P', '-j', this.#id('requeued'), '-o', 'State']),
      (text) => text.trim() === 'COMPLETED',
    );
    await until(
      () => this.#slurm.run('alpha', 'sacct', ['-a', '-X', '-n', '-P', '-j', this.#id('running'), '-o', 'JobName']),
      (text) => text.startsWith('running'),
    );
  }

  async #refusals(): Promise<readonly object[]> {
    const answers: object[] = [];
    for (const [action, label] of REFUSED) {
      const script = controlScript(null, action, [this.#id(label)]);
      const stdout = await this.#login.run(script.text);
      answers.push({ action, label, ...script.read(stdout, 'control-0') });
    }
    return answers;
  }

  #id(label: string): string {
    const id = this.#ids.get(label);
    if (id === undefined) throw new Error(`sbatch took no job ${label}`);
    return id;
  }

  async #reaches(label: string, state: string): Promise<void> {
    await until(
      () => this.#slurm.run('alpha', 'squeue', ['-h', '-t', 'all', '-j', this.#id(label), '-o', '%T']),
      (text) => text.split('\n').includes(state),
    );
  }

  #admin(...args: readonly string[]): Promise<string> {
    return this.#slurm.run('alpha', 'scontrol', args);
  }

  async #asked(script: Script, ...sections: readonly string[]): Promise<Record<string, string>> {
    const stdout = await this.#login.run(script.text);
    return Object.fromEntries(sections.map((name) => [name, script.read(stdout, name)?.output ?? '']));
  }

  async #tried(trial: Trial) {
    const stdout = await this.#login.run(trial.script.text);
    const outcome = trialOutcome(trial, stdout);
    if ('fault' in outcome) throw new Error(outcome.fault);
    return { way: outcome.way, answers: trial.sections.map((name) => trial.script.read(stdout, name)) };
  }

  async #write(name: string, content: string | object | undefined): Promise<void> {
    if (content === undefined || content === '') throw new Error(`nothing was printed for ${name}`);
    const text = typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;
    await writeFile(new URL(name, this.#folder), text);
  }
}

const wanted = process.argv.slice(2);
for (const release of wanted.length > 0 ? wanted : Object.keys(RELEASES)) {
  const folder = new URL(`${release}/`, FIXTURES);
  await mkdir(folder, { recursive: true });
  const slurm = await startLocalSlurm({ release, clusters: [CLUSTER] });
  try {
    const login = await ClusterLogin.open(slurm.cluster('alpha'));
    await new Recording(slurm, login, folder).record();
    process.stdout.write(`Slurm ${release} is recorded in ${folder.pathname}\n`);
  } finally {
    await slurm.stop();
  }
}
