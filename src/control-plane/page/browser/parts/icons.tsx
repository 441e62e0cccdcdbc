// The page's few icons, drawn here. Each is decoration beside a word and never stands for one.
import type { ComponentChildren } from "preact";
import type { StatusKind } from "../../../api/schema.ts";

function Icon({ children, class: name = "" }: { readonly children: ComponentChildren; readonly class?: string }) {
  return (
    <svg class={`icon ${name}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

/** A shape of its own for each status, so that it can be told without colour. */
const shapes: Readonly<Record<StatusKind, ComponentChildren>> = {
  connected: (
    <>
      <circle cx="8" cy="8" r="7" class="fill" />
      <path d="M4.800 8.300l2.200 2.200 4.200-4.600" class="cut" />
    </>
  ),
  connecting: (
    <>
      <circle cx="8" cy="8" r="6" class="faint" />
      <path d="M8 2a6 6 0 0 1 6 6" />
    </>
  ),
  recovering: <path d="M13.500 8A5.500 5.500 0 1 1 11.600 3.800M13.600 1.600v3h-3" />,
  "needs-sign-in": (
    <>
      <circle cx="5" cy="8" r="3.200" />
      <path d="M8.200 8H15v3M12 8v2.200" />
    </>
  ),
  unreachable: (
    <>
      <path d="M8 1.300L15.400 14.500H.600z" class="fill" />
      <path d="M8 6v4M8 12v.400" class="cut" />
    </>
  ),
  disconnected: <circle cx="8" cy="8" r="6" class="dashed" />,
};

export const StatusIcon = ({ kind }: { readonly kind: StatusKind }) => <Icon class={`is-${kind}`}>{shapes[kind]}</Icon>;

export const CopyIcon = () => (
  <Icon>
    <rect x="5.500" y="5.500" width="8.500" height="8.500" rx="1.500" />
    <path d="M10.500 3V2.800A1.300 1.300 0 0 0 9.200 1.500H3.300A1.300 1.300 0 0 0 2 2.800v5.900A1.300 1.300 0 0 0 3.300 10h.2" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon>
    <path d="M3 8.500l3.200 3.200L13 4.700" />
  </Icon>
);

export const CrossIcon = () => (
  <Icon>
    <path d="M4 4l8 8M12 4l-8 8" />
  </Icon>
);

export const PlusIcon = () => (
  <Icon>
    <path d="M8 3v10M3 8h10" />
  </Icon>
);

export const BreakIcon = () => (
  <Icon>
    <path d="M9 1.500L3.500 9H8l-1 5.500L12.500 7H8z" />
  </Icon>
);

export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <path d="M8 6v20M24 6v20M8 16h4.500M19.500 16H24" />
    <circle cx="16" cy="16" r="3.200" />
  </svg>
);
