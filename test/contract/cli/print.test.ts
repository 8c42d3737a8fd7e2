/** What a command prints reaches a pipe whole, whatever the pipe does meanwhile. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const print = join(import.meta.dir, "../../../src/cli/terminal/print.ts");

/** F_SETFL of fcntl(2) is 4 everywhere; O_NONBLOCK differs. */
const nonBlocking = process.platform === "darwin" ? 0x0004 : 0o4000;
const libc = process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6";

const lines = 40_000;
/** More than any pipe holds, printed twice, and a word on the other pipe in between. */
const script = `
  import { dlopen } from "bun:ffi";
  import { printJson, printLines } from ${JSON.stringify(print)};
  const isHurried = process.argv.at(-1) === "hurried";
  const { symbols } = dlopen(${JSON.stringify(libc)}, { fcntl: { args: ["int", "int", "int"], returns: "int" } });
  if (isHurried && symbols.fcntl(1, 4, ${nonBlocking}) !== 0) throw new Error("fcntl");
  process.stderr.write("begun\\n");
  printLines(Array.from({ length: ${lines} }, (_, index) => "line " + index));
  printJson("ls", { last: "the end" });
`;

for (const way of ["hurried", "patient"] as const) {
  test(`every byte comes, in order, through a pipe that is full and ${way}`, async () => {
    const child = Bun.spawn([process.execPath, "-e", script, way], { stdio: ["ignore", "pipe", "pipe"] });
    const [begun] = await Array.fromAsync(child.stderr);
    expect(Buffer.from(begun ?? []).toString()).toBe("begun\n");
    const all = await new Response(child.stdout).text();
    expect(await child.exited).toBe(0);
    const whole = `${Array.from({ length: lines }, (_, index) => `line ${index}\n`).join("")}{\n  "schema": 1,\n  "last": "the end"\n}\n`;
    // Not by toBe: nobody wants to see 400 kB of a difference.
    expect([all.length, all === whole]).toEqual([whole.length, true]);
  });
}
