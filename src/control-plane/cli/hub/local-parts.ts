// What the data plane does for a verb; compose provides it. Types alone, so that the start loads nothing for it.
import type { Resolved } from "../../../config/servers/index.ts";
import type { DoctorReport } from "../../api/schema.ts";

export interface LocalParts {
  runDoctor(patient: { readonly name: string; resolve(): Resolved }): Promise<DoctorReport>;
}
