import { RemoteFileError, type RemoteFiles } from '../ssh/index.ts';

/** The files of a cluster, by path. Only what follows a log is answered. */
export class MemoryFiles implements Pick<RemoteFiles, 'stat' | 'isDirectory' | 'read'> {
  readonly content = new Map<string, string>();
  /** The paths that were read. */
  readonly asked = new Set<string>();

  async stat(path: string) {
    const text = this.content.get(path);
    return text === undefined ? null : { sizeBytes: Buffer.byteLength(text), modifiedAt: new Date(text.length) };
  }
  async isDirectory(path: string) {
    return [...this.content.keys()].some((name) => name.startsWith(`${path}/`));
  }
  async read(path: string, offset: number, length: number) {
    this.asked.add(path);
    const text = this.content.get(path);
    if (text === undefined) throw new RemoteFileError('no-such-file', path, `${path}: no such file on the cluster`);
    return Buffer.from(text).subarray(offset, offset + length);
  }

  get remote(): RemoteFiles {
    return this as Pick<RemoteFiles, 'stat' | 'isDirectory' | 'read'> as RemoteFiles;
  }
}
