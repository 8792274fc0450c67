import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { LocalCluster } from '@slurmql/local-slurm';

/** The directory that stands first on the PATH of every login: what tests put there takes the place of Slurm's own. */
const WRAPPERS = 'wrappers';

/** The account of a cluster's user, as that person reaches it with OpenSSH: around the server, to look and to break. */
export class ClusterLogin {
  readonly #cluster: LocalCluster;
  // sshd turns some away when many knock at once (sshd_config, MaxStartups).
  readonly #doors: Promise<unknown>[] = [1, 2, 3, 4].map(() => Promise.resolve());
  #runs = 0;

  private constructor(cluster: LocalCluster) {
    this.#cluster = cluster;
  }

  static async open(cluster: LocalCluster): Promise<ClusterLogin> {
    const login = new ClusterLogin(cluster);
    // bash reads .bashrc when sshd has started it, whatever it is to run.
    await login.run(`mkdir -p ${WRAPPERS} && echo 'PATH="$HOME/${WRAPPERS}:$PATH"' >.bashrc`);
    return login;
  }

  /** Runs a script with bash, or another shell, in the home and gives its standard output. Throws when it fails. */
  run(script: string, shell: 'bash' | 'sh' = 'bash'): Promise<string> {
    this.#runs += 1;
    const door = this.#runs % this.#doors.length;
    const run = (this.#doors[door] ?? Promise.resolve()).then(() => this.#run(script, shell));
    this.#doors[door] = run.catch(() => undefined);
    return run;
  }

  async #run(script: string, shell: string): Promise<string> {
    const { identityFile, knownHosts, port, user, host } = this.#cluster;
    const child = spawn('ssh', [
      ...['-F', 'none', '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${knownHosts}`],
      ...['-i', identityFile, '-p', String(port), `${user}@${host}`, `${shell} -s`],
    ]);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.end(script);
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** Writes a known_hosts file for those who reach the cluster through another port of this machine. */
  async knownHostsFor(port: number, path: string): Promise<void> {
    const lines = await readFile(this.#cluster.knownHosts, 'utf8');
    await writeFile(path, lines.replaceAll(`]:${this.#cluster.port} `, `]:${port} `));
  }

  /**
   * Puts a bash script in the place of a command, for every login from now on. In it, `$real` is the command itself,
   * and `once NAME` succeeds the first time it is asked for that name.
   */
  async wrap(command: string, script: string): Promise<AsyncDisposable> {
    const path = `${WRAPPERS}/${command}`;
    // Whole or not at all: it may be called at any moment.
    await this.run(`cat >${path}.new <<'END OF WRAPPER' && chmod +x ${path}.new && mv ${path}.new ${path}
#!/bin/bash
real=$(PATH=\${PATH#"$HOME/${WRAPPERS}:"} command -v ${command})
once() { mkdir "$HOME/${WRAPPERS}/once.$1" 2>/dev/null; }
${script}
END OF WRAPPER
`);
    return { [Symbol.asyncDispose]: async () => void (await this.run(`rm -f ${path}; rm -rf ${WRAPPERS}/once.*`)) };
  }
}
