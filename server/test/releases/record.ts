import { mkdir, writeFile } from 'node:fs/promises';
import { RELEASES, startLocalSlurm } from '@slurmql/local-slurm';
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
import { accountingForm, queueEnds, RECORDED } from '../../src/slurm/parse/ends.ts';
import { trialOutcome } from '../../src/slurm/parse/trial.ts';
import type { Script } from '../../src/slurm/shell.ts';
import { ClusterLogin } from '../support/cluster-login.ts';
import { CLUSTER, REFUSED, Scene } from './scene.ts';

// `node test/releases/record.ts [RELEASE …]`: records what each release of Slurm prints into
// src/slurm/fixtures/releases, for src/slurm/releases.test.ts. To be run again for a new release, or when a question changes.

const FIXTURES = new URL('../../src/slurm/fixtures/releases/', import.meta.url);

class Recording {
  readonly #scene: Scene;
  readonly #login: ClusterLogin;
  readonly #directory: URL;

  constructor(scene: Scene, login: ClusterLogin, directory: URL) {
    this.#scene = scene;
    this.#login = login;
    this.#directory = directory;
  }

  async record(): Promise<void> {
    await this.#write('sbatch-answers.json', await this.#scene.make());
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
      const { queue } = await this.#asked(queueScript(null, false, arrays ?? null, queueEnds(RECORDED)), 'queue');
      await this.#write(file, queue);
    }
    const fields = ACCOUNTING_FIELDS_OF_RELEASES[accountingWay.way] ?? ACCOUNTING_FIELDS_OF_RELEASES[0];
    const { accounting } = await this.#asked(
      accountingScript(null, [...this.#scene.numbers.values()], accountingForm(RECORDED, fields)),
      'accounting',
    );
    await this.#write('accounting.txt', accounting);
    const inventory = await this.#asked(inventoryScript(null), 'partitions', 'nodes');
    await this.#write('partitions.txt', inventory['partitions']);
    await this.#write('nodes.txt', inventory['nodes']);
  }

  async #refusals(): Promise<readonly object[]> {
    const answers: object[] = [];
    for (const [action, label] of REFUSED) {
      const script = controlScript(null, action, [this.#scene.number(label)]);
      const stdout = await this.#login.run(script.text);
      answers.push({ action, label, ...script.read(stdout, 'control-0') });
    }
    return answers;
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
    await writeFile(new URL(name, this.#directory), text);
  }
}

const wanted = process.argv.slice(2);
for (const release of wanted.length > 0 ? wanted : Object.keys(RELEASES)) {
  const directory = new URL(`${release}/`, FIXTURES);
  await mkdir(directory, { recursive: true });
  const slurm = await startLocalSlurm({ release, clusters: [CLUSTER] });
  try {
    const login = await ClusterLogin.open(slurm.cluster('alpha'));
    await new Recording(new Scene(slurm, login), login, directory).record();
    process.stdout.write(`Slurm ${release} is recorded in ${directory.pathname}\n`);
  } finally {
    await slurm.stop();
  }
}
