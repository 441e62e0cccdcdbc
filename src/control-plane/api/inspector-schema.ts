// The part of the REST API's contract that is the request inspector: exchanges, bodies, restores.
import { z } from "zod";
import { count, milliseconds, time } from "./schema-parts.ts";

/** One line of the log, field by field, with a number to page by. */
export const exchangeSchema = z.object({
  seq: z.int().positive(),
  at: time,
  user_id: z.string(),
  session_id: z.string(),
  http_method: z.string(),
  jsonrpc_method: z.string(),
  jsonrpc_id: z.string(),
  body_len: count,
  status: z.int(),
  elapsed_ms: milliseconds,
  connector: z.string(),
  era_pair: z.string(),
  recovery: z.string(),
  error_code: z.string(),
  request_id: z.string(),
  /** `seq` of the restore that this exchange waited for. */
  restore: z.int().positive().optional(),
  /** Its bodies are kept: GET .../exchanges/{seq}/bodies. */
  hasBodies: z.literal(true).optional(),
});

/** The beginning of a body, without what is secret in it. */
export const bodySchema = z.object({
  /** Empty where the body is no text. */
  text: z.string(),
  /** Of the whole body. */
  bytes: count,
  isCut: z.boolean(),
});
export const bodiesSchema = z.object({ request: bodySchema.optional(), answer: bodySchema.optional() });
/** Whether the bodies of this connector's exchanges are kept from now on. In memory only: a restart of the hub ends it. */
export const inspectorChangeSchema = z.strictObject({ keepBodies: z.boolean() });

/** A step of a restore's timeline; `atMs` counts from the restore's beginning. */
export const restoreStepSchema = z.object({
  step: z.enum([
    "call",
    "refused",
    "initialize",
    "initialized",
    "stream",
    "log-level",
    "subscriptions",
    "saved",
    "replay",
    "answer",
    "failed",
  ]),
  atMs: z.number(),
  tookMs: milliseconds.optional(),
  /** HTTP status, where the step has one. */
  status: z.int().optional(),
  /** Method, error code or the like; never a message's content. */
  note: z.string().optional(),
});

export const restoreSchema = z.object({
  seq: z.int().positive(),
  at: time,
  connector: z.string(),
  session_id: z.string(),
  /** The fault by which the loss was recognised. */
  signal: z.string(),
  /** The generation that it made, or was to make. */
  generation: z.int(),
  outcome: z.enum(["running", "restored", "overtaken", "abandoned", "failed"]),
  error_code: z.string().optional(),
  elapsed_ms: milliseconds,
  steps: z.array(restoreStepSchema),
});
export const exchangeListSchema = z.object({
  /** Oldest first. */
  exchanges: z.array(exchangeSchema),
  restores: z.array(restoreSchema),
  /** Pass as `after` to go on from here. */
  next: count,
});

export type Exchange = z.output<typeof exchangeSchema>;
export type RestoreStep = z.output<typeof restoreStepSchema>;
export type Restore = z.output<typeof restoreSchema>;
export type ExchangeList = z.output<typeof exchangeListSchema>;
export type BodiesView = z.output<typeof bodiesSchema>;
