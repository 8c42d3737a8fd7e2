/** Every state that an entry of /tmp can be in, and the steps that make the guest's the host's. */
import { expect, test } from "bun:test";
import { type Entry, planEntry } from "../../../../../src/agent/files/tmp/mirror-plan.ts";

const kinds = ["file", "folder", "other"] as const;

/** What the host has: nothing, or an entry of each kind. */
const hosts: readonly (Entry | undefined)[] = [undefined, ...kinds.map((kind) => ({ kind, id: "host" }))];

/** What the guest has: nothing, something of its own of each kind, or a mount of what the host had or has. */
const guests: readonly { readonly name: string; readonly guest: Entry | undefined; readonly mounted: boolean }[] = [
  { name: "nothing", guest: undefined, mounted: false },
  ...kinds.map((kind) => ({ name: `its own ${kind}`, guest: { kind, id: "guest" }, mounted: false })),
  ...(["file", "folder"] as const).flatMap((kind) => [
    { name: `a mount of an old ${kind}`, guest: { kind, id: "old" }, mounted: true },
    { name: `a mount of this ${kind}`, guest: { kind, id: "host" }, mounted: true },
  ]),
  // The host has deleted it (ESTALE), so that nobody knows what it was.
  { name: "a dead mount", guest: undefined, mounted: true },
];

test("every combination of host and guest has its steps", () => {
  const table = hosts.map((host) => [
    `host has ${host?.kind ?? "nothing"}`,
    Object.fromEntries(
      guests
        .filter(({ guest }) => guest?.id !== "host" || guest.kind === host?.kind)
        .map(({ name, guest, mounted }) => [name, planEntry({ host, guest, mounted }).join(", ")]),
    ),
  ]);
  const away = "unmount, remove-mount-point";
  const unmounted = {
    "a mount of an old file": away,
    "a mount of an old folder": away,
    "a dead mount": away,
  };
  const kept = { nothing: "", "its own file": "", "its own folder": "", "its own other": "" };
  expect(Object.fromEntries(table)).toEqual({
    "host has nothing": { ...kept, ...unmounted },
    "host has file": {
      nothing: "make-file, bind",
      "its own file": "bind",
      "its own folder": "remove-mount-point, make-file, bind",
      "its own other": "remove-mount-point, make-file, bind",
      "a mount of an old file": `${away}, make-file, bind`,
      "a mount of this file": "",
      "a mount of an old folder": `${away}, make-file, bind`,
      "a dead mount": `${away}, make-file, bind`,
    },
    "host has folder": {
      nothing: "make-folder, bind",
      "its own file": "remove-mount-point, make-folder, bind",
      "its own folder": "bind",
      "its own other": "remove-mount-point, make-folder, bind",
      "a mount of an old file": `${away}, make-folder, bind`,
      "a mount of an old folder": `${away}, make-folder, bind`,
      "a mount of this folder": "",
      "a dead mount": `${away}, make-folder, bind`,
    },
    "host has other": { ...kept, ...unmounted },
  });
});
