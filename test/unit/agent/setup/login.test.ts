/** Whom the guest knows by the name of the host's user, and who it becomes. */
import { expect, test } from "bun:test";
import { asHostUser, standingOf } from "../../../../src/agent/setup/login.ts";

const passwd = `root:x:0:0:root:/root:/bin/bash
backup:x:34:34:backup:/var/backups:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
ann:x:1000:1000:Ann:/home/ann:/bin/bash
`;

test("a name of the system is the host user's to have, a person's is not, and no name is taken for a longer one", () => {
  const standings = ["backup", "www-data", "nobody", "ann", "back", "www", "x"].map((name) => standingOf(passwd, name));
  expect(standings).toEqual(["system", "system", "system", "person", "unknown", "unknown", "unknown"]);
});

test("the host's user has its own numbers, a home and a shell by that name, all others are left, and so again", () => {
  const user = { name: "backup", uid: 1000, gid: 100 };
  const once = asHostUser(passwd, user);
  const entry = "backup:x:1000:100::/var/lib/qn/home/backup:/bin/bash";
  expect(once.split("\n")).toEqual(passwd.split("\n").with(1, entry));
  expect([standingOf(once, "backup"), asHostUser(once, user)]).toEqual(["system", once]);
});
