// A labelled input with its help and what is wrong with it, tied together for whoever cannot see them stand together.
import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useId } from "preact/hooks";

export interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly help?: ComponentChildren;
  readonly error?: string | undefined;
  readonly input?: InputHTMLAttributes;
}

export function Field({ label, value, onValue, help, error, input }: FieldProps) {
  const id = useId();
  const described = [help === undefined ? "" : `${id}-help`, error === undefined ? "" : `${id}-error`].join(" ").trim();
  return (
    <div class={`field ${error === undefined ? "" : "is-wrong"}`}>
      <label for={id}>{label}</label>
      <input
        id={id}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
        autocomplete="off"
        spellcheck={false}
        {...(described !== "" && { "aria-describedby": described })}
        {...(error !== undefined && { "aria-invalid": true })}
        {...input}
      />
      {help !== undefined && (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
      {error !== undefined && (
        <p class="wrong" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

export interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, text: string])[];
  readonly onValue: (value: Value) => void;
  readonly help?: ComponentChildren;
}

/** One of a few. */
export function Choice<Value extends string>({ label, value, options, onValue, help }: ChoiceProps<Value>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        onChange={(event) => {
          const chosen = options.find(([one]) => one === event.currentTarget.value);
          if (chosen !== undefined) onValue(chosen[0]);
        }}
        {...(help !== undefined && { "aria-describedby": `${id}-help` })}
      >
        {options.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
      {help !== undefined && (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  );
}

export interface CheckProps {
  readonly label: string;
  readonly checked: boolean;
  readonly onValue: (checked: boolean) => void;
  readonly help?: ComponentChildren;
}

export function Check({ label, checked, onValue, help }: CheckProps) {
  const id = useId();
  return (
    <div class="field is-check">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        onChange={(event) => onValue(event.currentTarget.checked)}
        {...(help !== undefined && { "aria-describedby": `${id}-help` })}
      />
      <label for={id}>{label}</label>
      {help !== undefined && (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  );
}
