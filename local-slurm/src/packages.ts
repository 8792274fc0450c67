import { fileURLToPath } from 'node:url';
import { asRoot, CommandError, lastLines, run } from './run.ts';

export interface EnsurePackagesOptions {
  readonly onProgress?: (line: string) => void;
}

const DEADLINE_SECONDS = 600;

/**
 * Makes sure that these Debian packages are installed. Throws an Error of one sentence that says what is needed where
 * it can't install them.
 */
export async function ensurePackages(names: readonly string[], options: EnsurePackagesOptions = {}): Promise<void> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return;

  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  const script = fileURLToPath(new URL('install-packages.sh', import.meta.url));
  const install = await asRoot('sh', [script, String(DEADLINE_SECONDS), ...missing]);
  if (install === undefined) {
    throw new Error(`Packages are missing, and installing them needs root: run "sudo ${command}", then try again.`);
  }
  options.onProgress?.(`installing packages: ${missing.join(' ')}`);
  try {
    // The script keeps the deadline for each of its steps: apt-get must not be killed halfway from outside.
    await run(install.command, install.args, { timeoutMs: 5 * DEADLINE_SECONDS * 1000 });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new Error(`"${command}" failed: ${lastLines(error.stderr || error.stdout, 5)}`);
  }
}

async function missingPackages(names: readonly string[]): Promise<readonly string[]> {
  const installed = await run('dpkg-query', ['-W', '-f', `\${Package} \${db:Status-Status}\\n`, ...names]).catch(
    (error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      // Exit code 1: some of them are unknown to dpkg, the others are listed.
      if (error.exitCode === 1) return error.stdout;
      throw new Error(`A Debian or Ubuntu system with these packages is needed here: ${names.join(' ')}.`, {
        cause: error,
      });
    },
  );
  const present = new Set(installed.split('\n'));
  return names.filter((name) => !present.has(`${name} installed`));
}
