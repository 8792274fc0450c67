export { LocalDisk } from './local-disk.ts';
export { codeOf, FileFault, isAbsence, kindOf, readRegularFile, readTextFile } from './regular-file.ts';
