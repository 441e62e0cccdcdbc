// undici's Pool by its own file: loading the whole of undici takes longer than everything else that a start loads.
declare module "undici/lib/dispatcher/pool.js" {
  import type { Pool } from "undici";

  const constructor: typeof Pool;
  export default constructor;
}
