import { randomBytes } from 'node:crypto';
import { bounded } from '../../domain/text.ts';
import { type FileFault, RemoteFileError, SshInterrupted } from '../errors.ts';
import { quote } from '../shell.ts';
import type { Channels } from './channels.ts';
import { runScript } from './command.ts';
import { type FileContent, piecesOf } from './file-content.ts';
import { type Attributes, fileStatus, isDirectory, KINDS_OF_FILES, refusedKind } from './file-kind.ts';
import type { FileStatus, FileTransport } from './file-transport.ts';

/** What logins print of their own accord, and a line of error. */
const NOISE_BYTES = 1024 * 1024;
const LARGE_BLOCK_BYTES = 64 * 1024;
const SMALL_BLOCK_BYTES = 4 * 1024;
/** Whoever asks for a file's status within this time of another one shares a command with it. */
const GATHER_MS = 20;
const STATUS_TIMEOUT_MS = 30_000;
const MOST_IN_A_COMMAND = 64;
/** Of what a command says of a file. */
const LONGEST_WORDS = 400;

/**
 * Words of dd that have it open no link, and not wait for the other end of a named pipe: of GNU coreutils. Elsewhere
 * the shell's look at the file before has to do.
 */
const CAREFULLY = 'iflag=nonblock,nofollow';

interface StatusRequest {
  readonly path: string;
  readonly follows: boolean;
  readonly answered: PromiseWithResolvers<Attributes | null>;
}

/** Files by commands of a POSIX shell, for a cluster whose sshd has no SFTP. A process on the cluster for each request. */
export class CommandFiles implements FileTransport {
  readonly #channels: Channels;
  #gathered: StatusRequest[] = [];
  /** Of dd. */
  #flags = CAREFULLY;

  constructor(channels: Channels) {
    this.#channels = channels;
  }

  async stat(path: string, signal: AbortSignal): Promise<FileStatus | null> {
    const told = await this.#attributes(path, false, signal);
    return told === null ? null : fileStatus(path, told);
  }

  async isDirectory(path: string, signal: AbortSignal): Promise<boolean> {
    const told = await this.#attributes(path, true, signal);
    return told !== null && isDirectory(told);
  }

  /** `follows`: of what a link leads to, else of the link itself. */
  #attributes(path: string, follows: boolean, signal: AbortSignal): Promise<Attributes | null> {
    const request = { path, follows, answered: Promise.withResolvers<Attributes | null>() };
    this.#gathered.push(request);
    if (this.#gathered.length === 1) setTimeout(() => this.#askGathered(), GATHER_MS);
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () =>
      reject(new SshInterrupted(`${path}: ${signal.reason.message} before the answer came`, { cause: signal.reason }));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return Promise.race([request.answered.promise, promise]).finally(() =>
      signal.removeEventListener('abort', onAbort),
    );
  }

  #askGathered(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (let start = 0; start < gathered.length; start += MOST_IN_A_COMMAND) {
      const requests = gathered.slice(start, start + MOST_IN_A_COMMAND);
      this.#askStatus(requests).catch((error: unknown) => {
        for (const { answered } of requests) {
          // Its user may have gone: then nobody hears it.
          answered.promise.catch(() => {});
          answered.reject(error);
        }
      });
    }
  }

  async #askStatus(requests: readonly StatusRequest[]): Promise<void> {
    const { begin, mark } = marks();
    const result = await runScript(
      this.#channels,
      [
        'LC_ALL=C; export LC_ALL',
        // The last part of stat's words is the system's own reason.
        `tell() { if said=$(stat $2 -c '%f %s %Y' -- "$1" 2>&1); then echo "$said"; else echo "\${said##*: }"; fi; }`,
        begin,
        ...requests.map(({ path, follows }) => `tell ${quote(path)} ${follows ? '-L' : ''}`),
      ].join('\n'),
      { maxOutputBytes: NOISE_BYTES },
      AbortSignal.timeout(STATUS_TIMEOUT_MS),
    );
    const lines = behind(result.stdout, mark)?.toString().split('\n') ?? [];
    for (const [index, { path, answered }] of requests.entries()) {
      const line = lines[index] ?? '';
      const [, mode, size, mtime] = /^([0-9a-f]+) (\d+) (-?\d+)$/.exec(line) ?? [];
      if (mode !== undefined) {
        answered.resolve({ mode: Number.parseInt(mode, 16), size: Number(size), mtime: Number(mtime) });
      } else if (faultOf(line) === 'no-such-file') answered.resolve(null);
      else {
        answered.promise.catch(() => {});
        answered.reject(fileError(path, line || result.stderr.toString()));
      }
    }
  }

  async read(path: string, offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    const { begin, mark } = marks();
    // dd steps over whole blocks, by seeking (POSIX dd, `skip`): the ends are cut off here.
    const block = length < LARGE_BLOCK_BYTES ? SMALL_BLOCK_BYTES : LARGE_BLOCK_BYTES;
    const skipped = Math.floor(offset / block);
    const lead = offset - skipped * block;
    const count = Math.ceil((lead + length) / block);
    const flags = this.#flags;
    const { exitCode, stdout, stderr } = await runScript(
      this.#channels,
      `LC_ALL=C; export LC_ALL\n${KINDS_OF_FILES}\nonly_file ${quote(path)}
${begin}\nexec dd if=${quote(path)} bs=${block} skip=${skipped} count=${count} ${flags}`,
      { maxOutputBytes: count * block + NOISE_BYTES },
      signal,
    );
    const words = stderr.toString();
    const bytes = behind(stdout, mark);
    if (bytes === null) throw fileError(path, words);
    if (exitCode !== 0 && flags !== '' && /iflag|invalid input flag|nonblock/.test(words.replaceAll(path, ''))) {
      this.#flags = '';
      return this.read(path, offset, length, signal);
    }
    // What is past the end is no error to the other transport either.
    if (exitCode !== 0 && !words.includes('cannot skip')) throw fileError(path, words);
    // A copy, for a short answer not to keep the memory of all that was printed.
    return Buffer.from(bytes.subarray(lead, lead + length));
  }

  async write(path: string, content: FileContent, mode: number, signal: AbortSignal): Promise<void> {
    const { begin, mark } = marks();
    const file = quote(path);
    // A new file in the place of what lies there, which isn't opened. Private until it has the mode that was asked for;
    // nothing is sent before. The umask is this shell's alone.
    const script = [
      'LC_ALL=C; export LC_ALL; umask 077; set -C',
      `${KINDS_OF_FILES}\n[ -h ${file} ] || [ ! -d ${file} ] || refuse ${file}`,
      `rm -f -- ${file} && exec 3>${file} && chmod ${mode.toString(8)} -- ${file} && { ${begin}\ncat >&3; }`,
    ].join('\n');
    const input = { ready: mark, content: piecesOf(content, path, signal) };
    const { exitCode, stderr } = await runScript(
      this.#channels,
      script,
      { maxOutputBytes: NOISE_BYTES, input },
      signal,
    );
    if (exitCode !== 0) throw fileError(path, stderr.toString());
  }
}

/** A line that no login prints, and the command that prints it. */
function marks(): { readonly begin: string; readonly mark: string } {
  const nonce = randomBytes(12).toString('hex');
  return { begin: `printf '\\n%s\\n' 'begin ${nonce}'`, mark: `\nbegin ${nonce}\n` };
}

/** Null: the command didn't come so far. */
function behind(stdout: Buffer, mark: string): Buffer | null {
  const start = stdout.indexOf(mark);
  return start === -1 ? null : stdout.subarray(start + mark.length);
}

function faultOf(words: string): Exclude<FileFault, 'not-a-file'> {
  if (/No such file or directory|Not a directory|nonexistent|Too many levels of symbolic links/.test(words)) {
    return 'no-such-file';
  }
  return /Permission denied/.test(words) ? 'permission-denied' : 'failure';
}

function fileError(path: string, words: string): RemoteFileError {
  const refused = refusedKind(path, words);
  if (refused !== null) return refused;
  const fault = faultOf(words);
  const line = bounded(words.split('\n', 1)[0]?.trim() ?? '', LONGEST_WORDS);
  const messages = {
    'no-such-file': `${path}: no such file on the cluster`,
    'permission-denied': `${path}: the cluster denies permission`,
    failure:
      `${path}: the cluster answers "${line.slice(line.lastIndexOf(': ') + 1).trimStart()}". ` +
      'Is the disk or the quota full, or the path of another kind than expected?',
  };
  return new RemoteFileError(fault, path, messages[fault]);
}
