// Counts what happens, in memory, and writes it in the Prometheus text format. Takes only names of ours as labels: never an id, a URL or a server's words.

export interface Metrics {
  requestStarted(): void;
  /** `outcome`: "answered", or the error's code; absent where it only carried a request that is counted by itself. */
  requestEnded(outcome?: string): void;
  sessionOpened(): void;
  sessionClosed(): void;
  /** `signal`: the fault by which the loss was recognised. */
  lost(connector: string, signal: string): void;
  restored(connector: string, signal: string, elapsedMs: number): void;
  restoreFailed(connector: string, code: string): void;
  replayed(connector: string, outcome: string): void;
  /** Prometheus text exposition format 0.0.4. */
  render(): string;
}

const restoreSecondsBounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly name: string;
  readonly render: () => readonly string[];
}

export function createMetrics(): Metrics {
  const requests = counter("holdfast_requests_total", "Client requests by outcome.", ["outcome"]);
  const losses = counter("holdfast_sessions_lost_total", "Sessions that a server forgot.", ["connector", "signal"]);
  const restores = counter("holdfast_restores_total", "Restores by outcome.", ["connector", "outcome"]);
  const replays = counter("holdfast_replays_total", "Requests sent again, by outcome.", ["connector", "outcome"]);
  const restoreSeconds = histogram(
    "holdfast_restore_seconds",
    "Time from a recognised loss to a restored session.",
    ["connector", "signal"],
    restoreSecondsBounds,
  );
  const sessions = gauge("holdfast_sessions", "Client sessions that are live in this process.");
  const inFlight = gauge("holdfast_requests_in_flight", "Client requests that wait for their answer.");
  const all: readonly Metric[] = [requests, losses, restores, replays, restoreSeconds, sessions, inFlight];

  return {
    requestStarted: () => inFlight.add(1),
    requestEnded(outcome) {
      inFlight.add(-1);
      if (outcome !== undefined) requests.add(outcome);
    },
    sessionOpened: () => sessions.add(1),
    sessionClosed: () => sessions.add(-1),
    lost: (connector, signal) => losses.add(connector, signal),
    restored(connector, signal, elapsedMs) {
      restores.add(connector, "restored");
      restoreSeconds.observe(elapsedMs / 1_000, connector, signal);
    },
    restoreFailed: (connector, code) => restores.add(connector, code),
    replayed: (connector, outcome) => replays.add(connector, outcome),
    render: () => `${all.flatMap((metric) => metric.render()).join("\n")}\n`,
  };
}

function counter(name: string, text: string, labelNames: readonly string[]) {
  const values = new Map<string, { readonly labels: Labels; count: number }>();
  return {
    name,
    add(...labelValues: readonly string[]) {
      const cell = cellOf(values, labelNames, labelValues, (labels) => ({ labels, count: 0 }));
      cell.count += 1;
    },
    render: () => [
      ...header(name, text, "counter"),
      ...[...values.values()].map(({ labels, count }) => `${name}${labelText(labels)} ${count}`),
    ],
  };
}

function gauge(name: string, text: string) {
  let value = 0;
  return {
    name,
    add: (change: number) => void (value += change),
    render: () => [...header(name, text, "gauge"), `${name} ${value}`],
  };
}

function histogram(name: string, text: string, labelNames: readonly string[], bounds: readonly number[]) {
  interface Cell {
    readonly labels: Labels;
    readonly buckets: number[];
    sum: number;
    count: number;
  }
  const cells = new Map<string, Cell>();
  const renderCell = ({ labels, buckets, sum, count }: Cell) => {
    const below = bounds.map((bound, index) => [String(bound), buckets[index] ?? 0] as const);
    return [
      ...[...below, ["+Inf", count] as const].map(
        ([le, value]) => `${name}_bucket${labelText({ ...labels, le })} ${value}`,
      ),
      `${name}_sum${labelText(labels)} ${sum}`,
      `${name}_count${labelText(labels)} ${count}`,
    ];
  };
  return {
    name,
    observe(value: number, ...labelValues: readonly string[]) {
      const empty = (labels: Labels): Cell => ({ labels, buckets: bounds.map(() => 0), sum: 0, count: 0 });
      const cell = cellOf(cells, labelNames, labelValues, empty);
      for (const [index, bound] of bounds.entries()) {
        if (value <= bound) cell.buckets[index] = (cell.buckets[index] ?? 0) + 1;
      }
      cell.sum += value;
      cell.count += 1;
    },
    render: () => [...header(name, text, "histogram"), ...[...cells.values()].flatMap(renderCell)],
  };
}

function cellOf<Cell>(
  cells: Map<string, Cell>,
  names: readonly string[],
  values: readonly string[],
  empty: (labels: Labels) => Cell,
): Cell {
  const key = values.length === 1 ? (values[0] ?? "") : values.join("\0");
  let cell = cells.get(key);
  if (cell === undefined) {
    cell = empty(Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""])));
    cells.set(key, cell);
  }
  return cell;
}

function header(name: string, text: string, type: string): readonly string[] {
  return [`# HELP ${name} ${text}`, `# TYPE ${name} ${type}`];
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
