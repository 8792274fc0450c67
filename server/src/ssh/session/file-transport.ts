import type { FileContent } from './file-content.ts';

export interface FileStatus {
  readonly sizeBytes: number;
  /** In whole seconds, by the cluster's clock. */
  readonly modifiedAt: Date;
}

/** A way to access files. A request ends with `signal`, and throws as RemoteFiles does. */
export interface FileTransport {
  stat(path: string, signal: AbortSignal): Promise<FileStatus | null>;
  isDirectory(path: string, signal: AbortSignal): Promise<boolean>;
  read(path: string, offset: number, length: number, signal: AbortSignal): Promise<Buffer>;
  write(path: string, content: FileContent, mode: number, signal: AbortSignal): Promise<void>;
}
