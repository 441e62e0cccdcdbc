// One-time login codes and the cookie they are exchanged for. The cookie proves itself by a keyed hash, so that a restart of the hub ends no visit.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const codeLifeMs = 10 * 60_000;
const cookieLifeMs = 7 * 24 * 3_600_000;
const mostCodes = 100;

export class Logins {
  readonly #key: string;
  readonly #cookieName: string;
  readonly #codes = new Map<string, number>();
  /** Visits that were ended in this process. */
  readonly #ended = new Set<string>();

  /** `key`: the admin's token; with another one all cookies are void. `port` keeps apart the hubs of one machine, since cookies know no ports. */
  constructor(key: string, port: number) {
    this.#key = key;
    this.#cookieName = `holdfast-${port}`;
  }

  newCode(): string {
    const code = randomBytes(24).toString("base64url");
    this.#codes.set(code, Date.now() + codeLifeMs);
    const [oldest] = this.#codes.keys();
    if (this.#codes.size > mostCodes && oldest !== undefined) this.#codes.delete(oldest);
    return code;
  }

  /** The Set-Cookie for a code that is good, which it is once. */
  exchange(code: string): string | undefined {
    const untilMs = this.#codes.get(code);
    this.#codes.delete(code);
    if (untilMs === undefined || untilMs < Date.now()) return undefined;
    const visit = `${randomBytes(12).toString("base64url")}.${Date.now() + cookieLifeMs}`;
    return this.#setCookie(`${visit}.${this.#proof(visit)}`, cookieLifeMs / 1_000);
  }

  isVisit(cookies: string | undefined): boolean {
    const visit = this.#visit(cookies);
    return visit !== undefined && !this.#ended.has(visit);
  }

  /** Ends the visit; the Set-Cookie that makes the browser forget it. */
  end(cookies: string | undefined): string {
    const visit = this.#visit(cookies);
    if (visit !== undefined) this.#ended.add(visit);
    return this.#setCookie("", 0);
  }

  #visit(cookies: string | undefined): string | undefined {
    for (const cookie of (cookies ?? "").split(";")) {
      const [name, value = ""] = cookie.trim().split("=", 2);
      const match = name === this.#cookieName ? /^([\w-]+\.(\d+))\.([\w-]+)$/.exec(value) : null;
      const [, visit = "", untilMs = "", proof = ""] = match ?? [];
      if (match === null || Number(untilMs) < Date.now()) continue;
      const expected = Buffer.from(this.#proof(visit));
      const presented = Buffer.from(proof);
      if (expected.length === presented.length && timingSafeEqual(expected, presented)) return visit;
    }
    return undefined;
  }

  #proof(visit: string): string {
    return createHmac("sha256", this.#key).update(`visit ${visit}`).digest("base64url");
  }

  #setCookie(value: string, maxAgeSeconds: number): string {
    return `${this.#cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}`;
  }
}
