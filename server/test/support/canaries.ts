import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Programs that do nothing but leave a mark with their environment in it. */
export class Canaries implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async create(): Promise<Canaries> {
    const canaries = new Canaries(await mkdtemp(join(tmpdir(), 'slurmql-canaries-')));
    await mkdir(join(canaries.#directory, 'programs'));
    await mkdir(canaries.#marks);
    return canaries;
  }

  /** The path of a program that leaves the mark `name`. */
  async program(name: string): Promise<string> {
    const file = name.replace(/[^\w.-]/g, '_');
    const path = join(this.#directory, 'programs', file);
    await this.#write(path, name);
    return path;
  }

  /** Every hook that git knows, as programs in this directory. */
  async hooks(directory: string, name: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    await Promise.all(HOOKS.map((hook) => this.#write(join(directory, hook), name)));
  }

  /** The names of those that were run. */
  async fired(): Promise<readonly string[]> {
    return (await readdir(this.#marks)).sort();
  }

  /** With what environment one was run. */
  async environmentOf(name: string): Promise<string> {
    return readFile(join(this.#marks, name), 'utf8');
  }

  async forget(): Promise<void> {
    await rm(this.#marks, { recursive: true });
    await mkdir(this.#marks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  get #marks(): string {
    return join(this.#directory, 'marks');
  }

  async #write(path: string, name: string): Promise<void> {
    await writeFile(path, `#!/bin/sh\nenv >'${join(this.#marks, name.replaceAll('/', '_'))}'\n`, { mode: 0o755 });
  }
}

/** man githooks */
const HOOKS = `applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit prepare-commit-msg commit-msg
post-commit pre-rebase post-checkout post-merge pre-push pre-receive update proc-receive post-receive post-update
reference-transaction push-to-checkout pre-auto-gc post-rewrite sendemail-validate fsmonitor-watchman p4-changelist
p4-prepare-changelist p4-post-changelist p4-pre-submit post-index-change`.split(/\s+/);

/** Keys that the manual has elsewhere than in its list, or that the git of this machine doesn't know yet. */
const FURTHER_KEYS = [
  ...['alias.x.command', 'filter.x.process', 'gc.recentObjectsHook', 'hook.x.command', 'sendemail.headerCmd'],
  ...['trailer.x.cmd', 'trailer.x.command', 'uploadpack.packObjectsHook', 'core.alternateRefsCommand', 'imap.tunnel'],
  ...['tar.x.command', 'remote.origin.uploadpack', 'remote.origin.receivepack', 'credential.https://x.invalid.helper'],
];

/** What a key is called that names a program, or a directory or file of programs. */
export const NAMES_A_PROGRAM =
  /(?:cmd|command|program|helper|editor|pager|hook|hooksPath|filter|driver|textconv|gitProxy|askPass|process|clean|smudge|uploadpack|receivepack|vcs|browser|viewer|tunnel|external|fsmonitor|httpd|\.tool|guitool|smtpServer)$/i;

/** Such keys with nothing but a number or a boolean for a value, or that are tried in places of their own. */
const OTHERS = /^(?:core\.worktree|include|includeIf|extensions|protocol|remote|url)\b/i;

/**
 * Every key of git's configuration that takes any text, from `git help --config`, each with a canary for a value: no
 * list to forget one in.
 */
export async function hostileConfiguration(canaries: Canaries): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await run('git', ['help', '--config']);
  const listed = stdout
    .split('\n')
    .filter((line) => /^[a-z0-9]+\..*?[a-z0-9*>]$/i.test(line) && !/_[^.]*$/.test(line))
    .map((line) => line.replaceAll(/<[^>]*>|\*/g, 'x'));
  const keys = new Set([...listed, ...FURTHER_KEYS].filter((key) => !OTHERS.test(key)));
  const values = new Map<string, string>();
  for (const key of keys) {
    const program = await canaries.program(key);
    values.set(key, /^alias\.|^submodule\..*\.update$/.test(key) ? `!${program}` : program);
  }
  values.set('core.hooksPath', await hooksDirectory(canaries));
  values.set('hook.x.event', 'reference-transaction');
  // What git wants for a number or a boolean it says by name.
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-hostile-'));
  try {
    await run('git', ['init', '--quiet'], { cwd: directory });
    await writeFile(join(directory, 'file'), '');
    await run('git', ['add', 'file'], { cwd: directory });
    const own = await readFile(join(directory, '.git/config'), 'utf8');
    for (;;) {
      await writeFile(join(directory, '.git/config'), own + configurationText(values));
      const complaint = await firstComplaint(directory);
      if (complaint === null) break;
      const named = [...values.keys()]
        .filter((key) => complaint.toLowerCase().includes(key.toLowerCase()))
        .sort((a, b) => b.length - a.length);
      if (named[0] === undefined) throw new Error(complaint);
      values.delete(named[0]);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
  // Those with a shape of their own.
  const external = `ext::${await canaries.program('ext')}`;
  for (const key of ['allow', 'ext.allow', 'file.allow', 'ssh.allow', 'git.allow'])
    values.set(`protocol.${key}`, 'always');
  values.set('remote.origin.url', external);
  values.set('remote.origin.pushurl', external);
  values.set('remote.x.url', await canaries.program('remote.x.url'));
  values.set('remote.x.vcs', 'ext');
  values.set(`url.${external}.insteadOf`, 'https://');
  await canaries.forget();
  return values;
}

async function hooksDirectory(canaries: Canaries): Promise<string> {
  const directory = `${await canaries.program('core.hooksPath')}.d`;
  await canaries.hooks(directory, 'core.hooksPath');
  return directory;
}

async function firstComplaint(directory: string): Promise<string | null> {
  const commands = [
    ...[
      ['status'],
      ['log', '--all'],
      ['diff', '--cached'],
      ['for-each-ref'],
      ['ls-files'],
      ['rev-parse', '--show-toplevel'],
    ],
    ['cat-file', '--batch'],
  ];
  for (const command of commands) {
    const asked = run('git', command, { cwd: directory });
    asked.child.stdin?.end();
    const failed = await asked.then(
      () => null,
      (cause: { stderr: string }) => cause.stderr,
    );
    if (failed !== null) return failed;
  }
  return null;
}

/** As lines of a configuration file. */
export function configurationText(values: Iterable<readonly [string, string]>): string {
  return [...values]
    .map(([key, value]) => {
      const first = key.indexOf('.');
      const last = key.lastIndexOf('.');
      const section = first === last ? '' : ` ${JSON.stringify(key.slice(first + 1, last))}`;
      return `[${key.slice(0, first)}${section}]\n\t${key.slice(last + 1)} = ${JSON.stringify(value)}\n`;
    })
    .join('');
}
