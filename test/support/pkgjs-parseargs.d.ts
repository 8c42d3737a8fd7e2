/** The package has no types of its own; its function is node:util's. */
declare module "@pkgjs/parseargs" {
  export { parseArgs } from "node:util";
}
