export type { Envelope, RawId, Scanned } from "./message.ts";
