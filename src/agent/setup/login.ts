/** The guest's login user: the host's user by name, uid and gid, so that files on shares have the same owner. */
import { mkdir, readFile, symlink, rm, writeFile, chown } from "node:fs/promises";
import { dirname } from "node:path";
import type { Boot } from "../../protocol/messages.ts";
import { writeFileAtomically } from "../../system/files.ts";

const userdb = "/run/userdb";
const keysFolder = "/run/qn/authorized_keys";

/** Where guest/sshd.conf has sshd look for its key: the host made it, so it knows whom it speaks to. */
const hostKeyPath = "/run/qn/ssh_host_ed25519_key";

const passwdFile = "/etc/passwd";
const shell = "/bin/bash";

/** The number of the user nobody, on every Linux. */
const nobody = "65534";

/**
 * Makes the user known through systemd's user database (JSON user records, nss-systemd(8)), which needs no change below
 * /etc and so works on NixOS too, and lets the host's key in. Root and people whom the guest knows already are left
 * alone; a name that the guest has for a part of its system (`www-data`, `backup`, `mail`) becomes the host's user.
 */
export async function provideLogin(boot: Boot): Promise<void> {
  const { user } = boot;
  await mkdir(dirname(hostKeyPath), { recursive: true, mode: 0o755 });
  await writeFileAtomically(hostKeyPath, boot.sshHostKey, 0o600);
  await mkdir(keysFolder, { recursive: true, mode: 0o755 });
  for (const name of new Set(["root", user.name])) {
    await writeFileAtomically(`${keysFolder}/${name}`, `${user.sshKeys.join("\n")}\n`, 0o644);
  }
  const passwd = await readFile(passwdFile, "utf8");
  // guest/sshd.conf names root's folder too: /root may be the host's, when root has shared it.
  await makeHome(guestHome("root"), 0, 0);
  const standing = user.uid === 0 ? "person" : standingOf(passwd, user.name);
  if (standing === "person") return;
  await makeHome(guestHome(user.name), user.uid, user.gid);
  // The C library asks /etc/passwd before it asks for records.
  if (standing === "system") await writeFile(passwdFile, asHostUser(passwd, user));
  await writeRecords(boot);
}

/**
 * What a name is in the text of an /etc/passwd: nobody's, a person's, or that of a part of the system, which is also
 * what it was before it became the host's user. Numbers of people begin at 1000 on Debian and NixOS (login.defs(5)).
 */
export function standingOf(passwd: string, name: string): "unknown" | "person" | "system" {
  const entry = passwd.split("\n").find((line) => line.startsWith(`${name}:`));
  if (entry === undefined) return "unknown";
  const [, , uid = "", , , home] = entry.split(":");
  return Number(uid) < 1000 || uid === nobody || home === guestHome(name) ? "system" : "person";
}

/** The text in which the name has the host's numbers, a home of its own and a shell. */
export function asHostUser(passwd: string, { name, uid, gid }: Pick<Boot["user"], "name" | "uid" | "gid">): string {
  return passwd
    .split("\n")
    .map((line) => (line.startsWith(`${name}:`) ? `${name}:x:${uid}:${gid}::${guestHome(name)}:${shell}` : line))
    .join("\n");
}

function guestHome(name: string): string {
  return `/var/lib/qn/home/${name}`;
}

// --- internal ---

async function makeHome(home: string, uid: number, gid: number): Promise<void> {
  // One by one: the mode of a recursive mkdir counts for the parents too, and then nobody could enter.
  await mkdir(dirname(home), { recursive: true, mode: 0o755 });
  await mkdir(home, { recursive: true, mode: 0o700 });
  await chown(home, uid, gid);
}

async function writeRecords({ user }: Boot): Promise<void> {
  const { name, uid, gid } = user;
  const home = guestHome(name);
  await mkdir(userdb, { recursive: true, mode: 0o755 });
  const record = { userName: name, uid, gid, homeDirectory: home, shell, disposition: "regular" };
  await writeRecord(`${name}.user`, record, `${uid}.user`);
  await writeRecord(`${name}.group`, { groupName: name, gid }, `${gid}.group`);
  // An empty file would mean that there is no such membership.
  for (const group of ["docker", "sudo", "wheel"]) await writeFile(`${userdb}/${name}:${group}.membership`, "{}\n");
}

/** A record under its name, and a link to it under its number. */
async function writeRecord(file: string, record: unknown, link: string): Promise<void> {
  await writeFileAtomically(`${userdb}/${file}`, JSON.stringify(record), 0o644);
  await rm(`${userdb}/${link}`, { force: true });
  await symlink(file, `${userdb}/${link}`);
}
