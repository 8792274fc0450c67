export { type Followed, Journal, type JournalWriter } from './journal.ts';
export { WakeUp } from './wake-up.ts';
