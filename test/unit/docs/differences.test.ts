/** Each row of docs/differences.md is checked in a real VM: the row names what somebody sees, and a test has seen it. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const root = join(import.meta.dir, "../../..");
const page = await Bun.file(join(root, "docs/differences.md")).text();

/** By the first cell of each row: files, and sentences of their tests that see what the second cell says. */
const seenBy: Readonly<Record<string, readonly (readonly [file: string, sentence: string])[]>> = {
  "a container's address (`172.17.0.2`) is reached from the machine": [
    [
      "e2e/whole-path/ports",
      "a container's address is the guest's alone, and its server sees an address of the guest's",
    ],
  ],
  "a published port without an address listens at every address": [
    [
      "e2e/whole-path/ports",
      "a port published on no address in particular answers on both loopback addresses, and at no other",
    ],
  ],
  "a server sees its client's address": [
    [
      "e2e/whole-path/ports",
      "a container's address is the guest's alone, and its server sees an address of the guest's",
    ],
  ],
  "`localhost:5000` of dockerd is the machine (`docker pull localhost:5000/x`)": [
    [
      "e2e/names/registries",
      "dockerd's localhost is the host: a pull comes from a registry that listens on its loopback",
    ],
    ["contract/agent/docker/localhost", "dockerd's localhost is the host where nobody in the guest listens"],
  ],
  "`localhost` in a `--network host` container is the machine": [
    ["e2e/names/registries", "dockerd's localhost is the host"],
    ["e2e/ports", "a server of a --network host container is forwarded by the container's name"],
  ],
  "a bridge's gateway is the machine": [
    ["e2e/names", "the gateway is the host, where neither the guest nor a published port has the port"],
    ["e2e/names", "in a network that is internal the gateway is silent, and not the host"],
  ],
  "a service of a swarm is reached at every node's addresses": [
    ["long/swarm", "what a service of a swarm publishes is forwarded by the service's name"],
  ],
  "SCTP can be published": [
    ["e2e/ports", "an address that the host has not is refused, and so is a protocol that is not carried"],
  ],
  "any path of the machine can be mounted": [
    ["e2e/files/shares", "a source that no share covers is refused with the way to share it, whoever asks"],
    ["e2e/files/shares", "a volume that binds a folder shows the host's or is refused, and so is a link"],
  ],
  "`-v /etc/hosts:…`, `/etc/machine-id`, `/etc/passwd`, `/etc/group`, `/etc/ssl/certs`, `/usr/share/zoneinfo` are the machine's (`/etc/localtime` and `/etc/timezone` are with qn, too)":
    [
      [
        "e2e/files/shares",
        "the guest's own names, number, people and authorities are mounted, and the host's time zone",
      ],
      [
        "e2e/files/shares",
        "the zones of the world are the guest's, and what its system has not is an error and no empty folder",
      ],
    ],
  "a mounted socket of a program of the machine answers": [
    ["e2e/files/sockets", "ssh agents that the settings name answer in containers, for every user, and no other does"],
  ],
  "a socket that a container makes in a mount answers on the machine": [
    [
      "e2e/files/sockets",
      "a socket that a container makes in a mount answers on this machine, and one in /tmp does not",
    ],
  ],
  "a mount that a container makes comes back to the machine (`rshared`)": [
    ["e2e/files/shares", "a mount that a container makes stays in the guest, also where the host would have it"],
  ],
  "`bind-nonrecursive` leaves out what is mounted below": [
    ["e2e/as-root.root", "what the host has mounted below a mount is shown, with bind-nonrecursive too"],
  ],
  "`docker run --rm -p 80:80` works, since dockerd is root": [
    ["e2e/whole-path/ports", "a port below those that the user may listen on is an error with the command"],
  ],
  "dockerd believes the authorities that the machine knows, and `/etc/docker/certs.d`": [
    ["e2e/names/registries", "dockerd believes the authorities that the settings name, and no others"],
  ],
  "plugins for authorization are the administrator's": [
    ["e2e/whole-path/docker", "qn's plugin, and no other, stands in docker info"],
  ],
  "`data-root`, `hosts` and `userland-proxy` can be set": [
    ["e2e/bad-input", "keys of daemon.json that are qn's own are refused, all at once"],
  ],
};

/** The first cell of each row of a page's tables, heads aside. */
function rowsOf(text: string): string[] {
  const cells = text.split("\n").flatMap((line) => /^\| (.+?) \|/.exec(line)?.[1] ?? []);
  return cells.filter((cell) => cell !== "Docker on Linux");
}

/** Files that are not there, and sentences that stand in none of their tests. */
async function lostIn(tests: typeof seenBy): Promise<string[]> {
  const named = Object.values(tests).flat();
  const looked = await Promise.all(
    named.map(async ([file, sentence]) => {
      const found = ["", ".test"].map((end) => Bun.file(join(root, "test", `${file}${end}.ts`)));
      const texts = await Promise.all(found.map(async (each) => ((await each.exists()) ? await each.text() : "")));
      return texts.some((text) => text.includes(sentence)) ? [] : [`${file}: ${sentence}`];
    }),
  );
  return looked.flat();
}

test("every row of the page names tests that see it, and no test is named for a row that is gone", () => {
  expect(rowsOf(page).toSorted()).toEqual(Object.keys(seenBy).toSorted());
});

test("every test that is named for a row is there", async () => {
  expect(await lostIn(seenBy)).toEqual([]);
});

test("a new row and a test that has gone are found", async () => {
  expect(rowsOf("| Docker on Linux | with qn |\n|---|---|\n| a new one | other |\n")).toEqual(["a new one"]);
  expect(
    await lostIn({
      a: [
        ["e2e/names", "no such test"],
        ["e2e/nowhere", "x"],
      ],
    }),
  ).toHaveLength(2);
});
