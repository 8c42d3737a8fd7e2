/** Which sockets of this machine the settings name, and which never are a container's. */
import { expect, test } from "bun:test";
import { refuseOwnSockets, remedyOf, socketsOf } from "../../../../src/host/vm/sockets.ts";
import { defaults } from "../../../../src/host/config/schema.ts";

const agent = "/tmp/ssh-x/agent.7";

test("the ssh agent is the environment's, at Docker Desktop's path and its own; a path is itself, and once", () => {
  expect(socketsOf(["ssh-agent", "/s", "/s"], { SSH_AUTH_SOCK: agent })).toEqual([
    { name: "ssh-agent", path: agent, paths: ["/run/host-services/ssh-auth.sock", agent] },
    { name: "/s", path: "/s", paths: ["/s"] },
  ]);
  for (const SSH_AUTH_SOCK of [undefined, "", "agent.7"])
    expect(socketsOf(["ssh-agent"], { SSH_AUTH_SOCK })).toEqual([]);
});

test("qn's own sockets and Docker's are refused, also by the environment", () => {
  const refused = (setting: readonly string[], env = {}) => {
    try {
      refuseOwnSockets(socketsOf(setting, env), "/home/ann/.qn");
      return undefined;
    } catch (error) {
      return String(error);
    }
  };
  expect(refused(["/home/ann/.qn/default/control.sock"])).toContain("is in QN_HOME");
  expect(refused(["ssh-agent"], { SSH_AUTH_SOCK: "/home/ann/.qn/default/qmp.sock" })).toContain("is in QN_HOME");
  expect(refused(["/var/run/docker.sock"])).toContain("the guest's own Docker");
  expect(refused(["/home/ann/.qnx/s", "/home/ann/pg/.s.PGSQL.5432"])).toBeUndefined();
});

test("the remedy for a socket names those that are in the settings too, and there is none outside of mounts", () => {
  const host = { arch: "x86_64", cpus: 2, memoryMiB: 4096, homeFolder: "/home/ann", os: "linux" } as const;
  const config = defaults(host);
  const files = { ...config.files, sockets: ["ssh-agent", "/home/ann/a.sock"] };
  const remedyFor = remedyOf({ files }, [{ path: "/home/ann" }], "/home/ann/.qn");
  expect(remedyFor("/home/ann/it's.sock")).toContain(
    `\`qn config set 'files.sockets=["ssh-agent","/home/ann/a.sock","/home/ann/it'\\''s.sock"]'\``,
  );
  const others = ["/home/ann/a.sock", "/run/user/1000/bus", "/home/ann/.qn/default/docker.sock"];
  expect(others.map(remedyFor)).toEqual([undefined, undefined, undefined]);
});
