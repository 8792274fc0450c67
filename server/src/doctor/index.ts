export { type DoctorRequest, examineClusters } from './doctor.ts';
export type { Terminal } from './terminal.ts';
