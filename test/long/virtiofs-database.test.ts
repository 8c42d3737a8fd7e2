/**
 * PostgreSQL on a folder that an ordinary user serves, as another user and with nothing set: this machine's own. It is
 * asked by its socket in the mount, and by the one that the host has of it.
 */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { plainUser } from "../support/fuse-calls.ts";
import { canMount } from "../support/fuse-mount.ts";
import { inMountSocketScene } from "../support/mount-socket-scene.ts";
import { runProgram } from "../support/program.ts";

const versions = "/usr/lib/postgresql";
const [version] = existsSync(versions) ? readdirSync(versions).toSorted() : [];

/** As images of databases begin: root gives the folder away, and the server is its new owner. */
const script = `set -e; cd "$0"; mkdir data sock; chown -R postgres:postgres data sock; chmod 700 data
as() { program="$1"; shift; setpriv --reuid=postgres --regid=postgres --clear-groups "${versions}/${version}/bin/$program" "$@"; }
start() { as pg_ctl -D "$0/data" -o "-k $0/sock -h ''" -l "$0/data/log" -w start >&2; }
as initdb -D "$0/data" -A trust >&2
start
as pgbench -h "$0/sock" -i -s 1 postgres >&2
as pgbench -h "$0/sock" -c 4 -t 50 postgres >&2
as pg_ctl -D "$0/data" -m immediate stop >&2
start
as psql -h "$0/sock" postgres -Atc "select count(*) from pgbench_history"
as psql -h "$1/sock" postgres -Atc "select repeat('host', 1000000)" | wc -c
as pgbench -h "$1/sock" -c 4 -t 50 -n -C postgres >&2
as psql -h "$1/sock" postgres -Atc "select count(*) from pgbench_history"
as pg_ctl -D "$0/data" -m fast stop >&2
stat -c '%U %a' data data/PG_VERSION`;

test.skipIf(!canMount || version === undefined)(
  "PostgreSQL owns its folder, has all that it was told after a crash, and answers this machine by its socket",
  () =>
    inMountSocketScene(async ({ at, folder }) => {
      const { stdout, stderr } = await runProgram(["sh", "-c", script, at, folder]);
      expect([stdout, stderr]).toEqual(["200\n4000001\n400\npostgres 700\npostgres 600\n", expect.any(String)]);
      const { uid, mode } = await lstat(join(folder, "data/PG_VERSION"));
      expect([uid, mode & 0o7777]).toEqual([plainUser, 0o600]);
    }),
  240_000,
);
