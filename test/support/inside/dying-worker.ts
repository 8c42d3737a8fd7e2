/** This tree's qn, whose workers of mounts die before they serve while a file says so. In the place of src/main.ts. */
import { existsSync } from "node:fs";

const socket = process.argv.find((word) => word.startsWith("--socket="))?.slice("--socket=".length);
// oxlint-disable-next-line unicorn/no-process-exit -- a worker that has died has done nothing before
if (process.argv.includes("--worker") && existsSync(`${socket}.dies`)) process.exit(1);
await import("../../../src/main.ts");
