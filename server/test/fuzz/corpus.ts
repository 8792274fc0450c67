import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What once broke a target, or is worth trying each time: a JSON list of its inputs. */
export function corpusOf<Input>(name: string): readonly Input[] {
  const path = corpusFile(name);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];
}

export function addToCorpus(name: string, input: unknown): void {
  const inputs = corpusOf<unknown>(name).map((one) => JSON.stringify(one));
  const added = JSON.stringify(input);
  if (inputs.includes(added)) return;
  writeFileSync(corpusFile(name), `[\n${[...inputs, added].map((one) => `  ${one}`).join(',\n')}\n]\n`);
}

export function corpusFile(name: string): string {
  return fileURLToPath(new URL(`corpus/${name.replaceAll(/[^a-z0-9]+/gi, '-')}.json`, import.meta.url));
}
