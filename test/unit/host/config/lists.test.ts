/** Lists in the settings: what an entry may be, and what is said of one that is not. */
import { expect, test } from "bun:test";
import { loadConfig } from "../../../../src/host/config/load.ts";
import { leaves } from "../../../../src/host/config/schema.ts";
import { nested, valueAt } from "../../../../src/host/config/setting.ts";
import { failureOf } from "../../../support/failures.ts";

const host = { arch: "x86_64", cpus: 8, memoryMiB: 16_384, homeFolder: "/home/ann", os: "linux" } as const;

function load({ file }: { readonly file: string }) {
  return loadConfig({ host, files: [{ path: "/c.yaml", text: file }], env: {}, flags: {} });
}

test("a rule of ports.deny is a port or a range of ports, and nothing else", async () => {
  const range = "must be a port from 1 to 65535 or a range such as 6000-6063, got";
  const wrong = ["0", "70000", '"9-8"', '"http"', '"1-70000"'];
  expect(await failureOf(() => load({ file: 'ports: { deny: [0, 70000, "9-8", "http", "1-70000", true] }' }))).toEqual({
    code: "CONFIG_INVALID",
    message: "6 settings are wrong.",
    details: [
      ...wrong.map((rule, index) => `ports.deny.${index} ${range} ${rule} (/c.yaml)`),
      "ports.deny.5 must be a port or a range such as 6000-6063, got true (/c.yaml)",
    ],
  });
});

test("a command for the guest has words to run, and a time that qn knows", async () => {
  const file = 'provision: [{ run: "" }, { run: ls, when: daily }, ls, { when: once }, { runs: ls, run: ls }]';
  expect(await failureOf(() => load({ file }))).toEqual({
    code: "CONFIG_INVALID",
    message: "5 settings are wrong.",
    details: [
      'provision.0.run must not be empty, got "" (/c.yaml)',
      'provision.1.when must be one of boot, once, got "daily" (/c.yaml)',
      'provision.2 must be a mapping such as { run: apt-get update, when: once }, got "ls" (/c.yaml)',
      "provision.3.run is missing (/c.yaml)",
      "provision.4.runs is not a known setting; did you mean run? (/c.yaml)",
    ],
  });
  expect((await failureOf(() => load({ file: `provision: [${"{ run: ls },".repeat(65)}]` }))).details?.[0]).toStartWith(
    "provision must have at most 64 entries, got",
  );
});

test("what stands where a list or a mapping has to be is refused with one that could stand there, and can", async () => {
  const places = leaves.filter(({ initial }) => typeof initial(host) === "object");
  const said = await Promise.all(
    places.map(async (leaf) => {
      const refusal = await failureOf(() => load({ file: JSON.stringify(nested(new Map([[leaf.path, "x"]]))) }));
      return [leaf.path, / such as (.*), got "x"/.exec(refusal.details?.[0] ?? "")?.[1]] as const;
    }),
  );
  for (const [path, example = "none"] of said) {
    const values = nested(new Map([[path, Bun.YAML.parse(example)]]));
    expect(valueAt(load({ file: JSON.stringify(values) }).config, path)).toMatchObject(Object(Bun.YAML.parse(example)));
  }
  expect(said.map(([path]) => path)).toContain("qemu.machine");
});
