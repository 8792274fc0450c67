export { type Rank, TURNS, Turns } from './turns.ts';
