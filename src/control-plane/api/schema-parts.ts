// What the schemas of the REST API are made of. Imports zod only.
import { z } from "zod";

/** RFC 3339, UTC. */
export const time = z.iso.datetime();
export const milliseconds = z.number().nonnegative();
export const count = z.int().nonnegative();
