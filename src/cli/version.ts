/** The version of this qn; package.json holds the only copy. */
export { version } from "../../package.json" with { type: "json" };
