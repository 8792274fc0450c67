import { randomBytes } from 'node:crypto';
import type { LocalSlurm } from '@slurmql/local-slurm';
import { expect } from 'vitest';
import type { ClusterLogin } from './cluster-login.ts';
import type { JobData, Workbench } from './jobs.ts';
import { until } from './server.ts';

/** What differs between a script given to sbatch by hand and to us, by what is looked at, with the reason. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  'environment SLURM_OPEN_MODE': 'a requeued job goes on behind what its earlier attempts wrote',
  traps: 'one for EXIT, which records the end; a trap of its own takes its place',
};

/** What is no property of a job, but of the moment in which it was submitted or run. */
const CHANGING = /^(?:SSH_(?:CLIENT|CONNECTION)|SLURM_(?:JOB_?ID|TASK_PID|JOB_(?:START|END)_TIME|JOB_SLUID)|_)=/;

/** Prints what a job sees, a section for each kind: a line "@@ name", then its lines. */
export const PROBE = `
echo '@@ shell'; echo "$# $- $SHLVL $BASH_SUBSHELL"; [ "\${BASH_SOURCE[0]}" = "$0" ] && echo "main \${0##*/}"
[ "$$" = "$BASHPID" ] && [ "$$" = "$SLURM_TASK_PID" ] && echo "is the task of Slurm"
echo '@@ variables'; comm -23 <(compgen -v | LC_ALL=C sort) <(compgen -e | LC_ALL=C sort)
echo '@@ functions'; declare -F; declare -f
echo '@@ aliases'; alias -p
echo '@@ options'; shopt || :; set +o
echo '@@ traps'; trap -p
echo '@@ umask'; umask; made=$(mktemp -u "$HOME/made.XXXXXX"); mkdir "$made"; : >"$made/file"; stat -c %a "$made" "$made/file"; rm -r "$made"
echo '@@ directory'; pwd; pwd -P; [ "$PWD" = "$SLURM_SUBMIT_DIR" ] && echo 'where sbatch was run'; ls; stat -c %a hello.sh
echo '@@ limits'; ulimit -S -a; ulimit -H -a
echo '@@ signals'; grep -h '^Sig[IB]' /proc/self/status; grep -h '^SigI' /proc/$$/status
echo '@@ handlers'; grep -h '^SigCgt' /proc/$$/status
echo '@@ files'; for file in /proc/$$/fd/*; do echo "\${file##*/} $(readlink "$file")"; done; ls /proc/self/fd
echo '@@ log opened'; grep -h flags /proc/self/fdinfo/1 /proc/self/fdinfo/2
echo '@@ process'; read -r line </proc/$$/stat; line=\${line##*) }; stat=($line)
[ "\${stat[2]}" = "$$" ] && echo 'leads its group'; [ "\${stat[3]}" = "$PPID" ] && echo 'in the session of its parent'
cat "/proc/$PPID/comm"; echo "terminal \${stat[4]} nice \${stat[16]}"; cat /proc/self/oom_score_adj
echo '@@ terminal'; tty || :; read -r line && echo "read $line" || echo 'nothing to read'
echo '@@ locale'; locale
echo '@@ environment'; env -0 | LC_ALL=C sort -z | tr '\\n\\0' '\\001\\n'
echo '@@ end'
`;

export type Seen = Readonly<Record<string, string>>;

/** One script, both ways. */
export class TwoWays {
  readonly #slurm: LocalSlurm;
  readonly #login: ClusterLogin;
  readonly #bench: Workbench;
  readonly #cluster: string;

  constructor(slurm: LocalSlurm, login: ClusterLogin, bench: Workbench, cluster: string) {
    this.#slurm = slurm;
    this.#login = login;
    this.#bench = bench;
    this.#cluster = cluster;
  }

  /** As the same person gives it to sbatch, in a checkout of the project. */
  async byHand(command: string, options: readonly string[] = []): Promise<ByHand> {
    const directory = `by hand/${randomBytes(6).toString('hex')}`;
    const script = Buffer.from(`#!/bin/bash -l\n${command}\n`).toString('base64');
    const words = options.map((word) => `'${word}'`).join(' ');
    const output = await this.#login.run(
      `mkdir -p "${directory}/project" && cd "${directory}/project" && echo 'echo "hello from $1"' >hello.sh
echo ${script} | base64 -d >../job.sh
pwd
sbatch --parsable --job-name=probe --output=../stdout.log --error=../stderr.log ${words} ../job.sh`,
      'sh',
    );
    const [project = '', id = ''] = output.trim().split('\n').slice(-2);
    return new ByHand(this.#slurm, this.#cluster, { project, id });
  }

  async byUs(command: string, input: Readonly<Record<string, unknown>> = {}): Promise<ByUs> {
    const job = await this.#bench.submit({ cluster: this.#cluster, name: 'probe', command, ...input });
    return new ByUs(this.#slurm, this.#cluster, this.#bench, job);
  }
}

/** How Slurm itself says that a job ended. */
export interface SlurmEnd {
  readonly state: string;
  /** "CODE:SIGNAL". */
  readonly exit: string;
  readonly restarts: string;
}

abstract class Run {
  readonly #slurm: LocalSlurm;
  readonly #cluster: string;

  constructor(slurm: LocalSlurm, cluster: string) {
    this.#slurm = slurm;
    this.#cluster = cluster;
  }

  abstract readonly id: string;
  abstract readonly project: string;

  /** What the job has printed, as far as it has been started. */
  log(): Promise<string> {
    const path = `${this.project}/../stdout.log`;
    return this.#slurm.run(this.#cluster, 'sh', ['-c', '[ ! -e "$1" ] || cat "$1"', 'sh', path]);
  }

  /** Resolves once the command has printed this. */
  async prints(text: string): Promise<void> {
    await until(
      () => this.log(),
      (log) => log.includes(text),
    );
  }

  /** Resolves once the command, which goes on, has printed this, and Slurm has it running: it passes no signal on before. */
  async says(text: string): Promise<void> {
    await this.prints(text);
    await until(
      () => this.#slurm.run(this.#cluster, 'scontrol', ['--oneliner', 'show', 'job', this.id]),
      (told) => / JobState=RUNNING .* RunTime=(?!00:00:0[01])/.test(told),
    );
  }

  async command(program: string, args: readonly string[]): Promise<void> {
    await this.#slurm.run(this.#cluster, program, [...args, this.id]);
  }

  async slurmEnd(): Promise<SlurmEnd> {
    const said = await until(
      () => this.#slurm.run(this.#cluster, 'scontrol', ['--oneliner', 'show', 'job', this.id]),
      (text) => !/ JobState=(?:PENDING|RUNNING|SIGNALING|COMPLETING|SUSPENDED|CONFIGURING) /.test(text),
    );
    const field = (name: string) => new RegExp(` ${name}=(\\S*)`).exec(said)?.[1] ?? '';
    return { state: field('JobState'), exit: field('ExitCode'), restarts: field('Restarts') };
  }

  /** What the probe printed, by section, without what is this run's alone. */
  async seen(): Promise<Seen> {
    await until(
      () => this.log(),
      (text) => text.includes('@@ end\n'),
    );
    const text = (await this.log())
      .replaceAll(this.project, '<project>')
      .replaceAll(this.project.slice(0, this.project.lastIndexOf('/')), '<directory>')
      .replaceAll(/pipe:\[\d+\]/g, 'pipe')
      .replaceAll(/job0*\d+\/slurm_script/g, 'job/slurm_script');
    const sections = text.split(/^@@ /m).slice(1);
    const seen: Record<string, string> = {};
    for (const section of sections) {
      const [name = '', ...lines] = section.split('\n');
      if (name !== 'environment') {
        seen[name] = lines.join('\n');
        continue;
      }
      for (const line of lines.filter((one) => one !== '' && !CHANGING.test(one)))
        seen[`environment ${line.slice(0, line.indexOf('='))}`] = line;
    }
    return seen;
  }
}

class ByHand extends Run {
  readonly id: string;
  readonly project: string;

  constructor(slurm: LocalSlurm, cluster: string, run: { project: string; id: string }) {
    super(slurm, cluster);
    this.id = run.id;
    this.project = run.project;
  }
}

class ByUs extends Run {
  readonly #bench: Workbench;
  readonly #job: JobData;

  constructor(slurm: LocalSlurm, cluster: string, bench: Workbench, job: JobData) {
    super(slurm, cluster);
    this.#bench = bench;
    this.#job = job;
  }

  get id(): string {
    return this.#job.slurmJobId ?? '';
  }

  get project(): string {
    return `${this.#job.workDir}/source`;
  }

  ended(): Promise<JobData> {
    return this.#bench.ended(this.#job.id);
  }
}

/** Holds that both saw the same, but for what is documented; and that this does differ. */
export function expectSame(ours: Seen, byHand: Seen): void {
  const without = (seen: Seen) => Object.fromEntries(Object.entries(seen).filter(([what]) => !(what in DIFFERENCES)));
  expect(without(ours)).toEqual(without(byHand));
  const different = Object.keys(DIFFERENCES).filter((what) => ours[what] !== byHand[what]);
  expect(different).toEqual(Object.keys(DIFFERENCES));
}
