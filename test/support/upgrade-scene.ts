/** A qn that install.sh has installed from a mirror, and upgrades of it. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { findInstall, keysOf, mirrorOf } from "../../src/host/upgrade/find-install.ts";
import { readOffer } from "../../src/host/upgrade/offer.ts";
import { parseReceipt, receiptFile } from "../../src/host/upgrade/receipt.ts";
import { rollBack, upgradeTo } from "../../src/host/upgrade/upgrade.ts";
import { repository, runProgram } from "./program.ts";
import { newReleases, ownPlatform, type Releases } from "./program-release.ts";
import { quickLimits } from "./pull-scene.ts";
import { type Misbehaviour, type ReleaseServer, releaseServer } from "./release-server.ts";

/** The scene; `upgrade` is as `qn upgrade`, of a qn of the version `current`. */
export type UpgradeScene = AsyncDisposable & {
  readonly prefix: string;
  readonly home: string;
  readonly releases: Releases;
  readonly server: ReleaseServer;
  upgrade(current: string, wanted?: string, env?: Record<string, string>): Promise<string>;
  /** The version that is back, and what was warned of. */
  rollBack(): Promise<readonly string[]>;
  /** What the program in place says its version is, and the one before it. */
  versions(): Promise<readonly (string | undefined)[]>;
  /** Files below the prefix, and those of them that the receipt names. */
  files(): Promise<{ readonly there: string[]; readonly known: string[] }>;
};

/** Sets it up with a version 0.1.0, in a folder of its own or in `parent`; the server has a 0.2.0, too. */
export async function upgradeScene(misbehave?: Misbehaviour, parent = "/var/tmp"): Promise<UpgradeScene> {
  const home = await mkdtemp(join(parent, "qn-upgrade-"));
  const prefix = join(home, "prefix");
  const releases = await newReleases(join(home, "releases"));
  const server = await releaseServer(releases.folder);
  await releases.add("0.1.0");
  const { exitCode, stderr } = await runProgram(["sh", join(repository, "install.sh"), "--prefix", prefix], {
    env: { QN_INSTALL_URL: server.base, QN_INSTALL_KEY: releases.keyFile },
  });
  if (exitCode !== 0) throw new Error(stderr);
  await releases.add("0.2.0");
  server.seen.length = 0;
  if (misbehave !== undefined) server.misbehave = misbehave;
  const common = { platform: ownPlatform, limits: quickLimits, signal: new AbortController().signal };
  const find = () => findInstall([join(prefix, "bin/qn")]);
  return {
    prefix,
    home,
    releases,
    server,
    async upgrade(current, wanted, env = {}) {
      const install = await find();
      const keys = await keysOf(install, env);
      const offer = await readOffer({ ...common, mirror: mirrorOf(install, env), keys, current, wanted });
      await upgradeTo(offer, install, { ...common, cacheFolder: join(home, "cache"), onBytes: () => {} });
      return offer.version;
    },
    async rollBack() {
      const warnings: string[] = [];
      const scratch = join(home, "cache/printed");
      const version = await rollBack(await find(), { scratch, onWarning: (text) => warnings.push(text) });
      return [version, ...warnings];
    },
    versions: async () => await Promise.all(["bin/qn", "bin/qn.previous"].map((file) => saidBy(join(prefix, file)))),
    async files() {
      const entries = await readdir(prefix, { recursive: true, withFileTypes: true });
      const there = entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(prefix.length + 1));
      const { files } = parseReceipt(await readFile(join(prefix, receiptFile), "utf8"), receiptFile);
      return { there: there.toSorted(), known: files.toSorted() };
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(home, { recursive: true, force: true });
    },
  };
}

// --- internal ---

async function saidBy(program: string): Promise<string | undefined> {
  const outcome = await runProgram([program, "--version"]).catch(() => undefined);
  return outcome?.stdout.split(/\s/)[0];
}
