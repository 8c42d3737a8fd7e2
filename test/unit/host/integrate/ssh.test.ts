/** OpenSSH's configuration and command line for a VM; test/contract/host/integrate runs the remote string for real. */
import { expect, test } from "bun:test";
import { sshCommand } from "../../../../src/host/integrate/ssh-command.ts";
import { renderBuilderSshConfig, renderSharing, renderSshConfig } from "../../../../src/host/integrate/ssh-config.ts";
import { layoutOf } from "../../../../src/host/layout.ts";

const paths = layoutOf("/home/ann/.qn").vm("web");
const shares = [
  { path: "/home/ann", readOnly: false },
  { path: "/opt", readOnly: true },
];

test("a shell starts in the folder one is in when the guest has it, else at home", () => {
  const remote = (cwd: string) => sshCommand(paths, shares, cwd, undefined, true).at(-1);
  expect(["/home/ann", "/home/ann/a b", "/opt", "/home/anna", "/", "/optical"].map(remote)).toEqual([
    `cd '/home/ann' 2>/dev/null; exec "$SHELL" -l`,
    `cd '/home/ann/a b' 2>/dev/null; exec "$SHELL" -l`,
    `cd '/opt' 2>/dev/null; exec "$SHELL" -l`,
    `exec "$SHELL" -l`,
    `exec "$SHELL" -l`,
    `exec "$SHELL" -l`,
  ]);
});

test("a guest that shares everything has every folder", () => {
  expect(sshCommand(paths, [{ path: "/", readOnly: false }], "/srv", ["pwd"], false).at(-1)).toBe(
    "cd '/srv' 2>/dev/null; exec 'pwd'",
  );
});

test("a command gets a terminal only when there is one", () => {
  const start = ["ssh", "-F", "/home/ann/.qn/web/ssh_config"];
  expect(sshCommand(paths, [], "/", ["id"], true)).toEqual([...start, "-t", "qn-web", "exec 'id'"]);
  expect(sshCommand(paths, [], "/", ["id"], false)).toEqual([...start, "-T", "qn-web", "exec 'id'"]);
});

test("a -- without words is a shell too", () => {
  expect(sshCommand(paths, [], "/", [], true).at(-1)).toBe('exec "$SHELL" -l');
});

test("the configuration names the VM's own key and checks the guest's", () => {
  expect(renderSshConfig(paths, 40_022, "ann")).toBe(`# Written by qn at each start of the VM "web".
Host qn-web
  HostName 127.0.0.1
  Port 40022
  User ann
  IdentityFile "/home/ann/.qn/web/id_ed25519"
  IdentitiesOnly yes
  UserKnownHostsFile "/home/ann/.qn/web/known_hosts"
  HostKeyAlias qn-web
  StrictHostKeyChecking yes
  LogLevel ERROR
`);
});

test("the login user's connections are shared, in a socket of the VM's folder", () => {
  expect(renderSharing(paths, "ann"))
    .toBe(`# All that this user starts has one connection in common; a tunnel that shall stay needs one of its own: ssh -S none -N -L …
Match originalhost qn-web localuser ann user ann
  ControlMaster auto
  ControlPersist 10m
  ControlPath "/home/ann/.qn/web/ssh.sock"
`);
});

test("nobody shares root's connections by the configuration, nor a builder's, nor where a name could be a pattern", () => {
  expect(["root", "an?", "a,b", "ann smith", "!ann"].map((user) => renderSharing(paths, user))).toEqual(
    Array.from({ length: 5 }, () => ""),
  );
  expect(renderBuilderSshConfig(paths, 40_022)).not.toContain("Control");
});
