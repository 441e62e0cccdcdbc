// What went wrong, as RFC 9457 has it. Never a stack, never a value that somebody sent.
import { z } from "zod";
import { ConfigError } from "../../config/index.ts";
import { catalog, type ErrorCode, ProxyError } from "../../errors/index.ts";
import type { Problem } from "./schema.ts";

export class InvalidInput extends Error {
  override readonly name = "InvalidInput";
  readonly errors: readonly { readonly path: string; readonly message: string }[];

  constructor(errors: readonly { readonly path: string; readonly message: string }[]) {
    super(errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join(" "));
    this.errors = errors;
  }
}

/** @throws InvalidInput that names each field which is wrong, and no value */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidInput(
    parsed.error.issues.map(({ path, message }) => ({ path: path.map(String).join("."), message })),
  );
}

export function toProblem(caught: unknown): Problem {
  if (caught instanceof InvalidInput)
    return { ...problem("INVALID_INPUT", caught.message), errors: [...caught.errors] };
  if (caught instanceof ConfigError)
    return { ...problem("INVALID_INPUT", caught.message), errors: [{ path: "", message: caught.message }] };
  const error = ProxyError.from(caught);
  return problem(error.code, `${error.message} ${catalog[error.code].remedy}`);
}

function problem(code: ErrorCode, detail: string): Problem {
  const { http, summary } = catalog[code];
  return { type: `urn:holdfast:error:${code}`, title: summary, status: http, detail, code };
}
