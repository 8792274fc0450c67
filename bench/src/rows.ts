import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Benchmark } from './benchmark.ts';

const DIRECTORY = new URL('rows/', import.meta.url);

/** The names of all benchmarks: those of their files. */
export async function names(): Promise<string[]> {
  return (await readdir(fileURLToPath(DIRECTORY))).map((file) => file.replace(/\.ts$/, '')).sort();
}

export async function load(name: string): Promise<Benchmark> {
  const { benchmark } = (await import(new URL(`${name}.ts`, DIRECTORY).href)) as { readonly benchmark: Benchmark };
  return benchmark;
}
