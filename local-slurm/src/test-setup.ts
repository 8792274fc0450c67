import { PACKAGES } from './instance.ts';
import { ensurePackages } from './packages.ts';

/** The packages are there before any test's deadline runs: no file waits for the installation of another. */
export default async function setup(): Promise<void> {
  await ensurePackages(PACKAGES, { onProgress: (line) => process.stderr.write(`${line}\n`) });
}
