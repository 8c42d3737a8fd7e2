/** What is checked without running qn: tools of npm, and the shell scripts. */

const bun = "node_modules/.bin/bun";

/** Tools of npm by what they look at. Bun runs them, so that the machine's Node.js may be an old one. */
export const tools = {
  types: [bun, "--bun", "run", "tsc"],
  lint: [bun, "--bun", "run", "oxlint", "--type-aware", "--deny-warnings"],
  format: [bun, "--bun", "run", "oxfmt", "--check"],
  "dead code": [bun, "--bun", "run", "knip"],
} as const;

/** The check of the shell scripts; shellcheck is a package of Debian's, which a machine may not have. */
export const shellcheck = [
  "shellcheck",
  "-x",
  "install.sh",
  "scripts/up",
  "scripts/test",
  "scripts/setup",
  "scripts/agent",
  "scripts/setup.sh",
  "scripts/support/put-agent.sh",
  ".ci/run",
  "src/host/nixos/deploy/deploy.sh",
  "src/host/nixos/machines/machines.sh",
  "test/support/guest-networks.sh",
  "test/support/native-guest.sh",
] as const;

/** `bun test` for some paths, with as much time for each test as a busy machine takes; Bun's own 5 s are short there. */
export function bunTest(timeoutMs: number, ...words: readonly string[]): readonly string[] {
  return [bun, "test", `--timeout=${timeoutMs}`, ...words];
}
