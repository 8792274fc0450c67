import { randomBytes } from 'node:crypto';
import { bounded, linesOf } from '../domain/text.ts';
import { quote } from '../ssh/index.ts';
import { SlurmUnavailable } from './errors.ts';
import { slurmMessage } from './parse/messages.ts';
import type { Runner } from './runner.ts';
import { script } from './shell.ts';
import { shown, workspaceSection } from './workspace.ts';

const TIMEOUT_MS = 30_000;
/** The programs that the scripts and the batch script use. */
const TOOLS = [
  'bash',
  'tar',
  'gzip',
  'find',
  'sed',
  'env',
  'date',
  'mkdir',
  'mv',
  'rm',
  'cat',
  'readlink',
  'tail',
  'stat',
  'id',
];

/** Of the output of a login. */
const LONGEST_WORDS = 200;
const LONGEST_LINE = 8192;

export interface LoginShell {
  /** The account's own, such as /bin/tcsh. */
  readonly shell: string;
  readonly home: string;
  /** The login's values of the variables and users in the path of the workspace: see absoluteWorkspace. */
  readonly workspace: string;
  /** The first line of `bash --version`; null: there is none. */
  readonly bash: string | null;
  readonly missingTools: readonly string[];
  /** What the login's start-up files printed. */
  readonly noise: string;
}

/**
 * What a login offers besides Slurm. `workspace`: as in clusters.yaml. Throws what the runner throws, and
 * SlurmUnavailable if no shell answers.
 */
export async function checkLogin(runner: Runner, workspace: string): Promise<LoginShell> {
  const ask = script(null, 'LC_ALL=C; export LC_ALL', [
    { name: 'shell', command: `printf %s "$SHELL"` },
    { name: 'home', command: `printf %s "$HOME"` },
    workspaceSection(workspace),
    { name: 'bash', command: 'bash --version | sed -n 1p' },
    {
      name: 'missing',
      command: `for tool in ${TOOLS.join(' ')}; do command -v "$tool" >/dev/null || echo "$tool"; done`,
    },
  ]);
  const { stdout, stderr, exitCode } = await runner.run(ask.text, { timeoutMs: TIMEOUT_MS, kind: 'probe' });
  const text = (name: string) => ask.read(stdout, name)?.output.trim() ?? '';
  if (ask.read(stdout, 'missing') === null) {
    const said = slurmMessage(ask.errors(stderr)) || bounded(stdout.trim(), 200, { keep: 'end' });
    throw new SlurmUnavailable(
      `/bin/sh ended with exit code ${exitCode} before it had answered${said === '' ? '' : `: ${said}`}`,
    );
  }
  const missing = new Set(linesOf(text('missing').slice(0, LONGEST_LINE)));
  return {
    shell: bounded(text('shell'), LONGEST_WORDS),
    home: text('home'),
    workspace: ask.read(stdout, 'workspace')?.output ?? '',
    bash: bounded(text('bash'), LONGEST_WORDS) || null,
    missingTools: TOOLS.filter((tool) => missing.has(tool)),
    noise: bounded(stdout.slice(0, Math.max(0, stdout.indexOf('\nbegin shell '))).trim(), LONGEST_WORDS),
  };
}

/** A trial of the workspace; `remove` deletes what it made. */
export class WorkspaceTrial {
  readonly #runner: Runner;
  readonly #workspace: string;
  /** A file with a unique name. */
  readonly file: string;
  #isNew = false;

  /** `workspace`: absolute. */
  constructor(runner: Runner, workspace: string) {
    this.#runner = runner;
    this.#workspace = workspace;
    this.file = `${workspace}/.slurmql-test-${randomBytes(8).toString('hex')}`;
  }

  /** Creates the directory if there is none. Throws SlurmUnavailable with the cluster's own words if it can't. */
  async make(): Promise<{ readonly isNew: boolean }> {
    const workspace = quote(this.#workspace);
    const answer = await this.#ask(`[ -d ${workspace} ] && echo there || { umask 077 && mkdir -p ${workspace}; }`);
    this.#isNew = answer.trim() !== 'there';
    return { isNew: this.#isNew };
  }

  /** The content that the shell reads from the file, and the free space; null: df doesn't say. */
  async look(): Promise<{ readonly content: string; readonly freeBytes: number | null }> {
    const content = await this.#ask(`cat ${quote(this.file)}`);
    const space = await this.#ask(`df -Pk ${quote(this.#workspace)} 2>/dev/null || :`);
    // "Filesystem 1024-blocks Used Available Capacity Mounted on" (POSIX df -P).
    const kilobytes = linesOf(space)
      .map(availableIn)
      .find((free) => free !== null);
    return { content, freeBytes: kilobytes === undefined ? null : kilobytes * 1024 };
  }

  async remove(): Promise<void> {
    const removal = this.#isNew ? `; rmdir ${quote(this.#workspace)} 2>/dev/null` : '';
    await this.#ask(`rm -f ${quote(this.file)}${removal}; :`);
  }

  async #ask(command: string): Promise<string> {
    const ask = script(null, 'LC_ALL=C; export LC_ALL', [{ name: 'trial', command }]);
    const { stdout, stderr } = await this.#runner.run(ask.text, { timeoutMs: TIMEOUT_MS, kind: 'probe' });
    const section = ask.read(stdout, 'trial');
    if (section?.exitCode === 0) return section.output;
    throw new SlurmUnavailable(slurmMessage(ask.errors(stderr)) || `${shown(this.#workspace)} gave no answer`);
  }
}

/** The fourth column of a line of df, in which the names may contain blanks. */
function availableIn(line: string): number | null {
  const words = line.slice(0, LONGEST_LINE).split(/\s+/);
  const isNumber = (index: number) => /^\d{1,12}$/.test(words[index] ?? '');
  const free = words.findIndex(
    (_word, index) =>
      isNumber(index) && isNumber(index - 1) && isNumber(index - 2) && words[index + 2]?.startsWith('/'),
  );
  return free === -1 ? null : Number(words[free]);
}
