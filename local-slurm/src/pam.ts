import { randomBytes } from 'node:crypto';
import { readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

const PAM_DIRECTORY = '/etc/pam.d';
/** RFC 4648, as the secrets of one-time codes are written. */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export const PAM_PACKAGES: readonly string[] = ['libpam-google-authenticator', 'oathtool'];

/**
 * A PAM service of one sshd, which asks for a one-time code, before it for the account's password if wanted.
 *
 * PAM reads services from /etc/pam.d alone, by a name that OpenSSH takes from the program's own: so sshd is run through
 * a link of that name. It begins with the account's, and goes when the account goes (`removeServicesOf`), also when
 * whoever made it was killed.
 */
export class PamService {
  readonly name: string;
  /** In base32, for whoever computes the codes. */
  readonly secret: string;
  readonly #directory: string;
  readonly #asksPassword: boolean;

  constructor(user: string, directory: string, asksPassword: boolean) {
    this.name = `${user}-${randomBytes(4).toString('hex')}`;
    this.secret = Array.from(randomBytes(32), (byte) => BASE32[byte % 32]).join('');
    this.#directory = directory;
    this.#asksPassword = asksPassword;
  }

  /** The path of the program to run in sshd's place. */
  get program(): string {
    return join(this.#directory, this.name);
  }

  async prepare(): Promise<void> {
    await symlink('/usr/sbin/sshd', this.program);
    await writeFile(this.#secretFile, `${this.secret}\n" TOTP_AUTH\n`, { mode: 0o600 });
  }

  async install(): Promise<void> {
    const lines = [
      `# Made by local-slurm for the sshd in ${this.#directory}; removed when that stops.`,
      ...(this.#asksPassword ? ['auth requisite pam_unix.so nodelay'] : []),
      `auth required pam_google_authenticator.so secret=${this.#secretFile} user=root no_strict_owner`,
      'account required pam_permit.so',
      'session required pam_permit.so',
      '',
    ];
    await writeFile(join(PAM_DIRECTORY, this.name), lines.join('\n'), { mode: 0o644 });
  }

  async remove(): Promise<void> {
    await rm(join(PAM_DIRECTORY, this.name), { force: true });
  }

  get #secretFile(): string {
    return join(this.#directory, 'one-time-code');
  }
}

/** Removes every service that was made for this account. */
export async function removeServicesOf(user: string): Promise<void> {
  const start = `${user}-`;
  const names = (await readdir(PAM_DIRECTORY)).filter(
    (name) => name.startsWith(start) && /^[0-9a-f]{8}$/.test(name.slice(start.length)),
  );
  await Promise.all(names.map((name) => rm(join(PAM_DIRECTORY, name), { force: true })));
}

/** The code of this moment (RFC 6238), as the person's telephone would show it. */
export async function oneTimeCode(secret: string): Promise<string> {
  return (await run('oathtool', ['--totp', '--base32', secret])).trim();
}
