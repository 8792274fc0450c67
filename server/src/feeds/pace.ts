import { Pace } from '../events/index.ts';

/** Of all readers: one event wakes thousands of them, and a search takes time. */
export const PACE = new Pace();
