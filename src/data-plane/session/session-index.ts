// The live sessions of one connector, found by the client's id and the principal together.
import type { UpstreamSession } from "./upstream-session.ts";

/**
 * Keyed by the id alone, whose text each session holds anyway: a key of both would be one more text for each session, and one more to make and to
 * hash for each call. Two principals can hold the same id only by adoption, so a list behind an id is rare.
 */
export class SessionIndex {
  readonly #byId = new Map<string, UpstreamSession | readonly UpstreamSession[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: string, principal: string): UpstreamSession | undefined {
    const found = this.#byId.get(id);
    if (found === undefined || !isList(found)) return found?.principal === principal ? found : undefined;
    return found.find((session) => session.principal === principal);
  }

  add(session: UpstreamSession): void {
    this.delete(session.id, session.principal);
    const others = listOf(this.#byId.get(session.id));
    this.#byId.set(session.id, others.length === 0 ? session : [...others, session]);
    this.#size += 1;
  }

  delete(id: string, principal: string): void {
    const all = listOf(this.#byId.get(id));
    const left = all.filter((session) => session.principal !== principal);
    const [first] = left;
    if (first === undefined) this.#byId.delete(id);
    else this.#byId.set(id, left.length === 1 ? first : left);
    this.#size -= all.length - left.length;
  }

  *values(): Generator<UpstreamSession> {
    for (const found of this.#byId.values()) yield* listOf(found);
  }
}

type Found = UpstreamSession | readonly UpstreamSession[];

function isList(found: Found): found is readonly UpstreamSession[] {
  return Array.isArray(found);
}

function listOf(found: Found | undefined): readonly UpstreamSession[] {
  if (found === undefined) return [];
  return isList(found) ? found : [found];
}
