// What a connector can be told beside its address. Only what was changed is sent; the hub knows what is usual.
import type { NewConnectorInput } from "../../../api/schema.ts";
import { Check, Choice, Field } from "./field.tsx";

export type OptionInput = NonNullable<NewConnectorInput["options"]>;

const recoveries = [
  ["transparent", "Transparent: the client notices nothing"],
  ["notify", "Notify: the first answer after a restore is marked"],
  ["strict", "Strict: the client is told to start over"],
] as const;

export interface OptionFieldsProps {
  readonly value: OptionInput;
  readonly onValue: (value: OptionInput) => void;
}

export function OptionFields({ value, onValue }: OptionFieldsProps) {
  return (
    <fieldset>
      <legend>Recovery</legend>
      <Choice
        label="When a session is lost"
        value={value.recovery ?? "transparent"}
        options={recoveries}
        onValue={(recovery) => onValue({ ...value, recovery })}
      />
      <Field
        label="Wait for a server that is away, in seconds"
        value={value.recoveryWindowMs === undefined ? "30" : String(value.recoveryWindowMs / 1_000)}
        onValue={(text) => onValue({ ...value, recoveryWindowMs: Math.round(Number(text) * 1_000) })}
        input={{ type: "number", min: 0, max: 3_600, class: "is-short" }}
      />
      <Check
        label="Trust what the server says of its tools"
        checked={value.trusted === true}
        onValue={(trusted) => onValue({ ...value, trusted })}
        help="A tool that calls itself read-only or idempotent may then be run again when its answer was lost."
      />
    </fieldset>
  );
}
