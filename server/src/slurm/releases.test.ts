import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Stage, testSlurm } from '../../test/releases/contract.ts';
import { idOf, labelOf } from '../../test/releases/scene.ts';
import { SshUnavailable } from '../ssh/index.ts';
import { SlurmAdapter } from './adapter.ts';
import { NOT_TRIED } from './commands/trial.ts';
import { queueEnds, RECORDED } from './parse/ends.ts';
import { isTooOld, parseVersion } from './parse/probe.ts';
import { isCutOff, parseQueue } from './parse/queue.ts';
import { parseSubmit, rejectedField } from './parse/submit.ts';
import type { Runner } from './runner.ts';
import { everyJob, fixture, LocalLogin } from './testing.ts';

// What test/releases/record.ts recorded: the same jobs on each release. Whatever a release prints, it is read as the same.

const RELEASES = readdirSync(new URL('fixtures/releases', import.meta.url)).toSorted();

const submitted = z.array(z.object({ label: z.string(), exitCode: z.int(), stdout: z.string(), stderr: z.string() }));
const answered = z.array(z.object({ exitCode: z.int(), output: z.string() }));
const tried = z.object({ queue: answered, accounting: answered });
const controlled = z.array(z.object({ action: z.string(), label: z.string(), exitCode: z.int(), output: z.string() }));

/** What was recorded of one release. */
class Recorded {
  readonly #release: string;

  constructor(release: string) {
    this.#release = release;
  }

  text(name: string): string {
    return fixture(`releases/${this.#release}/${name}`);
  }

  get submitted() {
    return submitted.parse(JSON.parse(this.text('sbatch-answers.json')));
  }

  get tried() {
    return tried.parse(JSON.parse(this.text('trials.json')));
  }

  get controlled() {
    return controlled.parse(JSON.parse(this.text('scontrol-refusals.json')));
  }
}

/** No release was recorded without its controller: these are the words of 22.05.8. */
const NOT_CONTACTED = 'Unable to contact slurm controller (connect failure)';

/** A login whose commands of Slurm print what was recorded. */
async function recordedStage(recorded: Recorded): Promise<Stage> {
  const login = await LocalLogin.create();
  const answers = recorded.submitted;
  const numbers = new Map(
    answers.flatMap(({ label, stdout }) => {
      const number = /^\d+/m.exec(stdout)?.[0];
      return number === undefined ? [] : [[label, number] as const];
    }),
  );
  /** Lines of shell that print a text and end with a code. */
  const says = async (name: string, stdout: string, stderr = '', exitCode = 0) => {
    await writeFile(join(login.home, `${name}.out`), stdout);
    await writeFile(join(login.home, `${name}.err`), stderr);
    return `cat "$HOME/${name}.out"; cat "$HOME/${name}.err" >&2; exit ${exitCode}`;
  };
  const branch = (pattern: string, lines: string) => `${pattern}) ${lines} ;;`;
  const command = (name: string, branches: readonly string[]) =>
    login.command(name, `case " $* " in\n${branches.join('\n')}\n*) echo "$0 $*: not recorded" >&2; exit 1 ;;\nesac`);
  /** A way of asking that the release refuses. */
  const refusals = async (name: string, pattern: string, answer: { exitCode: number; output: string } | undefined) =>
    answer === undefined || answer.exitCode === 0
      ? []
      : [branch(pattern, await says(name, '', answer.output, answer.exitCode))];

  const { queue, accounting } = recorded.tried;
  await command('squeue', [
    ...(await refusals('squeue-refused', "*' --array-unique '*", queue[0])),
    branch("*' --array'*", await says('squeue', recorded.text('queue.txt'))),
    branch('*', await says('squeue-together', recorded.text('queue-together.txt'))),
  ]);
  await command('sacct', [
    ...(await refusals('sacct-refused', '*SubmitLine*', accounting[0])),
    branch('*', await says('sacct', recorded.text('accounting.txt'))),
  ]);
  const configuration = recorded.text('configuration.txt');
  await command('scontrol', [
    branch("' show config '", await says('configuration', configuration)),
    // It ends with what `scontrol ping` prints.
    branch("' ping '", await says('ping', configuration.slice(configuration.lastIndexOf('\nSlurmctld')))),
    branch("*' show partition '", await says('partitions', recorded.text('partitions.txt'))),
    branch("*' show node '", await says('nodes', recorded.text('nodes.txt'))),
    ...(await Promise.all(
      recorded.controlled.map(async ({ action, label, exitCode, output }) =>
        branch(`' ${action} ${numbers.get(label)} '`, await says(`${action}-${label}`, output, '', exitCode)),
      ),
    )),
  ]);
  await command('sbatch', [
    branch("' --version '", await says('version', recorded.text('version.txt'))),
    ...(await Promise.all(
      answers.map(async ({ label, stdout, stderr, exitCode }) =>
        branch(`*' --job-name=${label} '*`, await says(`sbatch-${label}`, stdout, stderr, exitCode)),
      ),
    )),
  ]);
  await login.command('scancel', ':');
  const settings = { name: 'alpha', host: 'login', workspace: '~/slurmql', gpuRequest: 'gres' } as const;
  let isConnected = true;
  const runner: Runner = {
    run: async (script) => {
      if (!isConnected) throw new SshUnavailable('there is no connection');
      return login.run(script);
    },
  };
  return {
    slurm: new SlurmAdapter(runner, { ...settings, pollIntervalSeconds: 30, gpuCacheSeconds: 60 }),
    numbers,
    anotherId: idOf,
    run: (script) => login.run(script),
    stopController: async () => {
      const fails = (words: string, pattern = '*') => branch(pattern, `echo '${words}: ${NOT_CONTACTED}' >&2; exit 1`);
      await command('squeue', [fails('slurm_load_jobs error')]);
      await command('scancel', [fails('scancel: error: Kill job error on job id 1')]);
      await command('scontrol', [
        branch("' ping '", `echo 'Slurmctld(primary) at head is DOWN'`),
        fails('slurm_update error'),
      ]);
      await command('sbatch', [
        branch("' --version '", await says('version', recorded.text('version.txt'))),
        fails('allocation failure', "*' --test-only '*"),
        fails('sbatch: error: Batch job submission failed'),
      ]);
    },
    disconnect: async () => {
      isConnected = false;
    },
    [Symbol.asyncDispose]: () => login[Symbol.asyncDispose](),
  };
}

it('there are recordings of a release before those of which the machine may have one, and of later ones', () => {
  expect(RELEASES).toEqual(expect.arrayContaining(['20.11', '22.05', '24.11', '26.05']));
});

describe.each(RELEASES)('what Slurm %s printed', (release) => {
  const recorded = new Recorded(release);

  testSlurm(() => recordedStage(recorded));

  it('tells its version', () => {
    const version = parseVersion(recorded.text('version.txt')) ?? '';
    expect(version).toMatch(new RegExp(`^${release}\\.`));
    expect(isTooOld(version)).toBe(false);
  });

  it('refuses the ways of asking that it lacks, and takes the next one', () => {
    const { queue, accounting } = recorded.tried;
    const taken = { exitCode: 0, output: '' };
    const leftOut = { exitCode: 0, output: `${NOT_TRIED}\n` };
    const hasUnique = release < '23.02';
    expect(queue).toEqual(
      hasUnique ? [taken, leftOut] : [{ exitCode: 1, output: expect.stringContaining('--array-unique') }, taken],
    );
    const hasSubmitLine = release >= '21.08';
    expect(accounting).toEqual(
      hasSubmitLine ? [taken, leftOut] : [{ exitCode: 1, output: expect.stringContaining('SubmitLine') }, taken],
    );
  });

  it('of the queue says the same of jobs where tasks are shown together', () => {
    expect(isCutOff(recorded.text('queue.txt'), queueEnds(RECORDED))).toBe(false);
    const observed = (file: string) =>
      Object.fromEntries(
        everyJob(parseQueue(recorded.text(file))).flatMap((one) =>
          labelOf(one)?.startsWith('array') ? [] : [[one.slurmJobId, one]],
        ),
      );
    expect(observed('queue-together.txt')).toEqual(observed('queue.txt'));
  });

  it.each([
    ['bad-partition', 'partition'],
    ['bad-account', 'account'],
    ['bad-gpus', null],
    ['bad-option', 'extraOptions'],
    ['inactive', 'partition'],
  ])('of sbatch names what was wrong: %s is about %s', (label, field) => {
    const answer = recorded.submitted.find((one) => one.label === label);
    if (answer === undefined) throw new Error(`there is no answer ${label}`);
    const refused = parseSubmit(answer.exitCode, answer.stdout, answer.stderr);
    if (refused.kind === 'accepted') throw new Error('it was taken');
    expect(rejectedField(refused.message)).toBe(field);
  });

  it('of sbatch gives the number of a heterogeneous job', () => {
    const answer = recorded.submitted.find(({ label }) => label === 'het');
    expect(parseSubmit(answer?.exitCode ?? 1, answer?.stdout ?? '', answer?.stderr ?? '')).toMatchObject({
      kind: 'accepted',
      slurmJobId: expect.stringMatching(/^\d+$/),
      message: null,
    });
  });
});
