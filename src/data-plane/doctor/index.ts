export type { DoctorReport } from "./report.ts";
export { type DoctorOptions, type Patient, runDoctor } from "./run-doctor.ts";
