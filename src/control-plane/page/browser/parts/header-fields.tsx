// Headers to send to the server: names in the open, values hidden like passwords.
import { useId } from "preact/hooks";
import { CrossIcon, PlusIcon } from "./icons.tsx";

export interface HeaderRow {
  readonly id: number;
  readonly name: string;
  readonly value: string;
}

let rowCount = 0;

export function headersOf(rows: readonly HeaderRow[]): Record<string, string> {
  return Object.fromEntries(rows.filter((row) => row.name.trim() !== "").map((row) => [row.name.trim(), row.value]));
}

export interface HeaderFieldsProps {
  readonly rows: readonly HeaderRow[];
  readonly onRows: (rows: readonly HeaderRow[]) => void;
}

export function HeaderFields({ rows, onRows }: HeaderFieldsProps) {
  const id = useId();
  const change = (row: HeaderRow) => onRows(rows.map((one) => (one.id === row.id ? row : one)));
  const add = () => {
    rowCount += 1;
    onRows([...rows, { id: rowCount, name: "", value: "" }]);
  };
  return (
    <fieldset class="headers">
      <legend>Headers</legend>
      <p class="help" id={`${id}-help`}>
        Sent with every request to the server, for example Authorization. Stored encrypted and not shown again.
      </p>
      {rows.map((row, index) => (
        <div class="header-row" key={row.id}>
          <input
            class="mono"
            aria-label={`Header ${index + 1} name`}
            placeholder="Authorization"
            autocomplete="off"
            spellcheck={false}
            value={row.name}
            onInput={(event) => change({ ...row, name: event.currentTarget.value })}
          />
          <input
            class="mono"
            type="password"
            aria-label={`Header ${index + 1} value`}
            placeholder="Bearer …"
            autocomplete="new-password"
            value={row.value}
            onInput={(event) => change({ ...row, value: event.currentTarget.value })}
          />
          <button
            type="button"
            class="button is-small"
            aria-label={`Remove header ${index + 1}`}
            onClick={() => onRows(rows.filter((one) => one.id !== row.id))}
          >
            <CrossIcon />
          </button>
        </div>
      ))}
      <button type="button" class="button is-small" onClick={add}>
        <PlusIcon /> Add header
      </button>
    </fieldset>
  );
}
