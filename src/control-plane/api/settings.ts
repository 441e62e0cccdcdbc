// How the hub was started, and the few things that can be changed while it runs. Holds values; applies nothing.
import type { Settings, SettingsChange } from "./schema.ts";

export class HubSettings {
  #now: Settings;
  readonly #changed: (settings: Settings) => void;

  constructor(settings: Settings, changed: (settings: Settings) => void = () => {}) {
    this.#now = settings;
    this.#changed = changed;
  }

  get now(): Settings {
    return this.#now;
  }

  /** Undefined: the file is read and followed. */
  fileProblem(problem: string | undefined): void {
    const { configProblem: _before, ...rest } = this.#now;
    this.#now = problem === undefined ? rest : { ...rest, configProblem: problem };
  }

  change({ keepExchanges, keepBodyBytes, probeIntervalMs }: SettingsChange): Settings {
    this.#now = {
      ...this.#now,
      keepExchanges: keepExchanges ?? this.#now.keepExchanges,
      keepBodyBytes: keepBodyBytes ?? this.#now.keepBodyBytes,
      probeIntervalMs: probeIntervalMs ?? this.#now.probeIntervalMs,
    };
    this.#changed(this.#now);
    return this.#now;
  }
}
