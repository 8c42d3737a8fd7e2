/** Settings changed in the text of a YAML file: whatever a person wrote around them stays. */
import { expect, test } from "bun:test";
import { withSettings } from "../../../../src/host/config/document.ts";
import { failureOf } from "../../../support/failures.ts";

function changed(text: string, changes: Record<string, unknown>): string {
  return withSettings({ path: "/c.yaml", text }, new Map(Object.entries(changes)));
}

const written = `# mine

# the office has slow machines
cpus: 2 # not more
# for the phone
ports:
    bind: all # why not
mounts:
    - path: /srv # data
window: true
# the end
`;

test("new values keep remarks, order and indentation, new settings come last", () => {
  expect(changed(written, { cpus: 4, "ports.bind": "loopback", image: "mine" })).toBe(
    written.replace("cpus: 2", "cpus: 4").replace("all", "loopback").replace("true\n", "true\nimage: mine\n\n"),
  );
});

test("a list is replaced as a whole", () => {
  expect(changed("mounts: [{ path: /a }] # one\n", { mounts: [{ path: "/b", readOnly: true }] })).toBe(
    "mounts:\n  - path: /b\n    readOnly: true\n",
  );
});

test("a setting that is taken out leaves the head of the file, and no empty section", () => {
  expect(changed(written, { cpus: undefined, "ports.bind": undefined, image: undefined })).toBe(`# mine

# the office has slow machines

# for the phone

mounts:
    - path: /srv # data
window: true

# the end
`);
});

test("a file without settings is made of its remarks", () => {
  expect(changed("# mine\ncpus: 2\n", { cpus: undefined })).toBe("# mine\n");
  expect(changed("# mine\n", { cpus: 2 })).toBe("# mine\n\ncpus: 2\n");
  expect(changed("", { "ports.bind": "all" })).toBe("ports:\n  bind: all\n");
  expect(changed("", { cpus: undefined })).toBe("");
});

test("a section that is there but empty is filled", () => {
  expect(changed("ports:\ncpus: 2\n", { "ports.bind": "all" })).toBe("ports:\n  bind: all\ncpus: 2\n");
});

test("what is no YAML or no mapping is not touched", async () => {
  expect((await failureOf(() => changed("cpus: [1", { cpus: 2 }))).message).toStartWith("/c.yaml is not YAML: ");
  expect((await failureOf(() => changed("cpus: 1\ncpus: 2\n", { cpus: 3 }))).message).toBe(
    "/c.yaml is not YAML: Map keys must be unique at line 2, column 1.",
  );
  expect(await failureOf(() => changed("- cpus", { cpus: 2 }))).toEqual({
    code: "CONFIG_INVALID",
    message: "/c.yaml must be a mapping of names to values.",
  });
});
