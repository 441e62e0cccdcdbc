// The one clock that all processes of the bench share: the system's monotonic one.

export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
