import fc from 'fast-check';
import { FIELD_END } from '../../slurm/parse/ends.ts';
import { asAsked, queueRow, WAITING } from '../../slurm/testing.ts';
import type { CommandResult, RunOptions } from '../../ssh/index.ts';

/** Seconds since the beginning of a history. */
type Seconds = number;

/** How an attempt ended, in truth: a word of Slurm's with the batch script's wait status. */
export interface End {
  readonly word: string;
  /** As wait(2) gives it: the code times 256, or the signal. */
  readonly status: number;
  /** What the script's own end marker tells; null: it got no chance to write one. */
  readonly marked: { readonly code: number; readonly isInterrupted: boolean } | null;
}

/** One attempt as it is planned: durations in seconds. */
interface AttemptPlan {
  readonly waits: number;
  readonly isHeld: boolean;
  readonly configures: number;
  readonly runs: number;
  readonly completes: number;
  readonly end: End;
  /** How long squeue shows this end before the next attempt begins. */
  readonly shows: number;
  /** After so long the accounts know of the attempt, and of its end. */
  readonly accountLag: number;
  readonly endLag: number;
}

export interface JobPlan {
  readonly attempts: readonly AttemptPlan[];
  /** When somebody asks this server to cancel it, should it be active then; null: nobody does. */
  readonly cancelAt: Seconds | null;
}

/** What a question gets instead of the truth. */
export type Fault =
  | { readonly kind: 'none' }
  | { readonly kind: 'broken' }
  | { readonly kind: 'refused'; readonly exitCode: 0 | 1 }
  /** Cut off behind this share of the output. */
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'row missing'; readonly row: number }
  | { readonly kind: 'all rows missing' }
  | { readonly kind: 'unknown word'; readonly row: number }
  | { readonly kind: 'garbled row'; readonly row: number };

export interface World {
  readonly jobs: readonly JobPlan[];
  readonly minJobAge: number;
  /** `none`: the cluster keeps no accounts. `lossy`: the rows of some last attempts never arrive. */
  readonly accounts: 'kept' | 'lossy' | 'none';
  /** How far the cluster's clock is ahead. */
  readonly clockAhead: Seconds;
  /** What befalls the first questions, one after the other; all later ones are answered truly. */
  readonly faults: readonly Fault[];
  /** When the server is started again. */
  readonly restarts: readonly Seconds[];
}

const byItself = (code: number): End => ({
  word: code === 0 ? 'COMPLETED' : 'FAILED',
  status: code * 256,
  marked: { code, isInterrupted: false },
});
/** Slurm sent SIGTERM; `code`: with which the script ended then, null: it had no time to. */
const bySlurm = (word: string, code: number | null): End => ({
  word,
  status: code === null ? 15 : code * 256,
  marked: code === null ? null : { code, isInterrupted: true },
});
const byFate = (word: string, status: number): End => ({ word, status, marked: null });

const ENDS: readonly End[] = [
  ...[0, 1, 3, 127, 128, 143, 255].map(byItself),
  // Code 0: its payload took the signal as a good end.
  ...['TIMEOUT', 'CANCELLED', 'PREEMPTED'].flatMap((word) => [null, 143, 0].map((code) => bySlurm(word, code))),
  byFate('FAILED', 9),
  byFate('OUT_OF_MEMORY', 9),
  byFate('NODE_FAIL', 0),
];
const REQUEUES: readonly End[] = [
  bySlurm('REQUEUED', 143),
  bySlurm('PREEMPTED', 143),
  byFate('NODE_FAIL', 0),
  // It was over, and then somebody requeued it.
  byItself(0),
  byItself(3),
];

const attempt = (ends: readonly End[], least: number): fc.Arbitrary<AttemptPlan> =>
  fc.record({
    waits: fc.integer({ min: 0, max: 60 }),
    isHeld: fc.boolean(),
    configures: fc.constantFrom(0, 0, 5),
    runs: fc.integer({ min: 1, max: 150 }),
    completes: fc.integer({ min: 0, max: 20 }),
    end: fc.constantFrom(...ends),
    shows: fc.integer({ min: least, max: 40 }),
    accountLag: fc.integer({ min: 0, max: 60 }),
    endLag: fc.integer({ min: 0, max: 60 }),
  });

const job: fc.Arbitrary<JobPlan> = fc.record({
  attempts: fc
    .tuple(fc.array(attempt(REQUEUES, 0), { maxLength: 2 }), attempt(ENDS, 0))
    .map(([closed, last]) => [...closed, last]),
  cancelAt: fc.option(fc.integer({ min: 5, max: 200 }), { freq: 3 }),
});

const place = fc.integer({ min: 0, max: 7 });
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: 'none' } as const) },
  fc.constant({ kind: 'broken' } as const),
  fc.record({ kind: fc.constant('refused' as const), exitCode: fc.constantFrom(0 as const, 1 as const) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.double({ min: 0, max: 0.99, noNaN: true }) }),
  fc.record({ kind: fc.constant('row missing' as const), row: place }),
  fc.constant({ kind: 'all rows missing' } as const),
  fc.record({ kind: fc.constant('unknown word' as const), row: place }),
  fc.record({ kind: fc.constant('garbled row' as const), row: place }),
);

export const world: fc.Arbitrary<World> = fc.record({
  jobs: fc.array(job, { minLength: 1, maxLength: 4 }),
  minJobAge: fc.constantFrom(2, 30, 300),
  accounts: fc.constantFrom('kept', 'kept', 'lossy', 'none'),
  clockAhead: fc.constantFrom(0, 0, 3600, -90),
  faults: fc.array(fault, { maxLength: 30 }),
  restarts: fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 2 }),
});

/** An attempt as it happened. */
export interface Attempt {
  readonly number: number;
  readonly queuedAt: Seconds;
  readonly startedAt: Seconds;
  /** When its batch script ended, and when Slurm has cleared it away. */
  readonly endedAt: Seconds;
  readonly clearedAt: Seconds;
  /** When squeue no longer shows it: the next one has begun, or the controller has forgotten it. */
  readonly goneAt: Seconds;
  readonly end: End;
  readonly plan: AttemptPlan;
  /** The accounts never get to know it. */
  readonly isLost: boolean;
}

/** A job with all that happens to it, fixed from the beginning. */
export interface TrueJob {
  readonly slurmJobId: string;
  readonly workDir: string;
  readonly plan: JobPlan;
  readonly attempts: readonly Attempt[];
}

export function trueJob(
  plan: JobPlan,
  identity: Pick<TrueJob, 'slurmJobId' | 'workDir'>,
  { minJobAge, accounts }: World,
): TrueJob {
  let now = 0;
  const attempts = plan.attempts.map((attempt, index): Attempt => {
    const isLast = index === plan.attempts.length - 1;
    const queuedAt = now;
    const startedAt = queuedAt + attempt.waits + attempt.configures;
    const endedAt = startedAt + attempt.runs;
    const clearedAt = endedAt + attempt.completes;
    now = clearedAt + (isLast ? minJobAge : Math.min(attempt.shows, minJobAge));
    return {
      number: index + 1,
      ...{ queuedAt, startedAt, endedAt, clearedAt, goneAt: now },
      end: attempt.end,
      plan: attempt,
      isLost: accounts === 'lossy' && isLast && attempt.runs % 2 === 0,
    };
  });
  return { ...identity, plan, attempts };
}

/** A real cluster as its commands show it: true at every moment, but for the faults. Stands in for the SSH connection. */
export class TrueCluster {
  readonly #world: World;
  readonly #jobs: readonly TrueJob[];
  readonly #beginning: number;
  #questions = 0;
  #lastMissing: ReadonlySet<number> = new Set();

  /** `beginning`: of the history, in ms since 1970. */
  constructor(world: World, jobs: readonly TrueJob[], beginning: number) {
    this.#world = world;
    this.#jobs = jobs;
    this.#beginning = beginning;
  }

  /** All faults are over. */
  get isTruthful(): boolean {
    return this.#questions >= this.#world.faults.length;
  }

  async run(script: string, { kind }: RunOptions): Promise<CommandResult> {
    const fault = this.#world.faults[this.#questions] ?? { kind: 'none' };
    this.#questions += 1;
    // What lies in a directory is told without Slurm.
    const isSlurmAsked = kind !== 'markers';
    if (fault.kind === 'broken' || (fault.kind === 'refused' && !isSlurmAsked)) {
      throw new Error('the connection was lost');
    }
    const sections = [...script.matchAll(/'begin (\S+) ([0-9a-f]{24})'([\s\S]*?)'?end \1 \2/g)].map(
      ([, name = '', nonce = '', command = '']) => ({ name, nonce, command }),
    );
    if (fault.kind === 'refused') {
      return {
        exitCode: fault.exitCode,
        stderr: 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n',
        stdout: sections.map(({ name, nonce }) => framed(name, nonce, '', fault.exitCode)).join(''),
      };
    }
    if (kind === 'accounting' && this.#world.accounts === 'none') {
      const stdout = sections.map(({ name, nonce }) => framed(name, nonce, '', 1)).join('');
      return { exitCode: 0, stderr: 'Slurm accounting storage is disabled\n', stdout };
    }
    const stdout = sections
      .map(({ name, nonce, command }) => framed(name, nonce, this.#section(name, command, fault), 0))
      .join('');
    const length = fault.kind === 'cut' ? Math.floor(stdout.length * fault.at) : stdout.length;
    return { exitCode: 0, stderr: '', stdout: asAsked(script, stdout.slice(0, length)) };
  }

  get #now(): Seconds {
    return (Date.now() - this.#beginning) / 1000;
  }

  #epoch(at: Seconds): number {
    return Math.floor(this.#beginning / 1000 + at + this.#world.clockAhead);
  }

  #section(name: string, command: string, fault: Fault): string {
    switch (name.split('-')[0]) {
      case 'clock':
        return String(this.#epoch(this.#now));
      case 'queue':
        return this.#queue(fault);
      case 'accounting':
        return this.#accounting(new Set(/--jobs='([^']*)'/.exec(command)?.[1]?.split(',')));
      case 'markers':
        return `${this.#markers(command)}whole\n`;
      case 'begun':
        return `${this.#begun(command)}whole\n`;
      default:
        throw new Error(`nobody asks for ${name} here`);
    }
  }

  /** A row that one snapshot misses is there in the next: nothing in Slurm lasts longer. */
  #queue(fault: Fault): string {
    const rows = this.#jobs.map((job) => this.#queueRow(job));
    const missing = new Set(
      rows.flatMap((_row, index) => {
        const isHit = fault.kind === 'all rows missing' || (fault.kind === 'row missing' && fault.row === index);
        return isHit && !this.#lastMissing.has(index) ? [index] : [];
      }),
    );
    this.#lastMissing = missing;
    return rows
      .flatMap((row, index) => {
        if (row === null || missing.has(index)) return [];
        const fields = row.split(FIELD_END);
        const isHit = 'row' in fault && fault.row === index;
        if (isHit && fault.kind === 'unknown word') return [fields.with(1, 'HIBERNATING').join(FIELD_END)];
        if (isHit && fault.kind === 'garbled row') return [fields.toSpliced(3, 2).join(FIELD_END)];
        return [row];
      })
      .join('');
  }

  #queueRow({ attempts, slurmJobId, workDir }: TrueJob): string | null {
    const now = this.#now;
    const attempt = attempts.find(({ goneAt }) => now < goneAt);
    if (attempt === undefined) return null;
    const { number, queuedAt, startedAt, endedAt, clearedAt, end, plan } = attempt;
    const time = (at: Seconds | undefined) => (at === undefined ? 'N/A' : String(this.#epoch(at)));
    const row = (word: string, parts: { status?: number; start?: Seconds; end?: Seconds; why?: string } = {}) =>
      queueRow({
        ...{ ...WAITING, JobArrayID: slurmJobId, State: word, exit_code: String(parts.status ?? 0) },
        ...{ StartTime: time(parts.start), EndTime: time(parts.end), RestartCnt: String(number - 1) },
        ...{ NodeList: parts.start === undefined ? '' : 'n1', Partition: 'main', Reason: parts.why ?? 'None' },
        ...{ TimeLimit: 'UNLIMITED', Command: `${workDir}/job.sh`, WorkDir: workDir },
      });
    if (now < queuedAt + plan.waits) return row('PENDING', { why: plan.isHeld ? 'JobHeldUser' : 'Priority' });
    if (now < startedAt) return row('CONFIGURING', { start: startedAt });
    if (now < endedAt) return row('RUNNING', { start: startedAt });
    if (now < clearedAt) return row('COMPLETING', { start: startedAt, end: endedAt, status: end.status });
    // What `scontrol requeue` ended is never shown as over.
    if (end.word === 'REQUEUED') return row('REQUEUED', { why: 'BeginTime' });
    return row(end.word, { start: startedAt, end: endedAt, status: end.status });
  }

  #accounting(ids: ReadonlySet<string>): string {
    const now = this.#now;
    const lines = this.#jobs.flatMap(({ attempts, slurmJobId, workDir }) => {
      if (!ids.has(slurmJobId)) return [];
      return attempts.flatMap(({ queuedAt, startedAt, endedAt, clearedAt, end, plan, isLost }) => {
        if (isLost || now < queuedAt + plan.accountLag) return [];
        const isOver = now >= clearedAt + plan.endLag;
        const hasStarted = now >= startedAt;
        const word = isOver
          ? end.word === 'CANCELLED'
            ? 'CANCELLED by 0'
            : end.word
          : hasStarted
            ? 'RUNNING'
            : 'PENDING';
        return [
          [
            ...[slurmJobId, word, isOver ? accountedExit(end) : '0:0', String(this.#epoch(queuedAt))],
            hasStarted ? String(this.#epoch(startedAt)) : 'Unknown',
            isOver ? String(this.#epoch(endedAt)) : 'Unknown',
            ...[hasStarted ? 'n1' : 'None assigned', 'main', '', 'UNLIMITED', 'train', workDir, ''],
          ]
            .map((field) => `${field}\x1frecorded`)
            .join(''),
        ];
      });
    });
    return lines.map((line) => `${line}\n`).join('');
  }

  #begun(command: string): string {
    const job = this.#jobs.find(({ workDir }) => command.includes(`'${workDir}'`));
    const begun = (job?.attempts ?? []).filter(({ startedAt }) => this.#now >= startedAt);
    return begun.map(({ number }) => `job.${number - 1}.command\n`).join('');
  }

  #markers(command: string): string {
    const now = this.#now;
    const job = this.#jobs.find(({ workDir }) => command.includes(`'${workDir}' job`));
    return (job?.attempts ?? [])
      .flatMap(({ number, startedAt, endedAt, end }) => {
        const name = `job.${number - 1}`;
        return [
          ...(now >= startedAt ? [`${name}.start job=1 at=${this.#epoch(startedAt)}\n`] : []),
          ...(now >= endedAt && end.marked !== null
            ? [
                `${name}.end job=1 code=${end.marked.code}${end.marked.isInterrupted ? ' interrupted' : ''} at=${this.#epoch(endedAt)}\n`,
              ]
            : []),
        ];
      })
      .join('');
  }
}

function framed(name: string, nonce: string, output: string, exitCode: number): string {
  return `\nbegin ${name} ${nonce}\n${output}\nend ${name} ${nonce} ${exitCode}\n`;
}

/** As sacct prints it up to 25.05: nothing for what a limit or a person ended, and 128 less from 128 on. */
export function accountedExit({ word, status }: End): string {
  if (word === 'OUT_OF_MEMORY') return '0:125';
  if (word !== 'COMPLETED' && word !== 'FAILED') return '0:0';
  const code = status >> 8;
  return `${code >= 128 ? code - 128 : code}:${status & 0x7f}`;
}
