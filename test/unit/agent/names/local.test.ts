/** The names under which containers reach the host. */
import { expect, test } from "bun:test";
import { localAnswer } from "../../../../src/agent/names/local.ts";
import { questionAbout, readAnswer } from "../../../support/fake-dns.ts";

test("both of Docker Desktop's names for the host are its address in slirp", () => {
  for (const name of ["host.docker.internal", "gateway.docker.internal", "HOST.Docker.internal"]) {
    expect(readAnswer(localAnswer(questionAbout(name)) ?? Buffer.alloc(0)).addresses).toEqual(["10.0.2.2"]);
  }
});

test("the host has no IPv6 address, and its name exists all the same", () => {
  const answer = localAnswer(questionAbout("host.docker.internal", 28)) ?? Buffer.alloc(0);
  expect(readAnswer(answer)).toEqual({ id: 0x1234, isCut: false, code: 0, addresses: [] });
});

test("all other names are somebody else's", () => {
  for (const name of ["docker.internal", "x.host.docker.internal", "host.docker.internal.lan"]) {
    expect(localAnswer(questionAbout(name))).toBeUndefined();
  }
  expect(localAnswer(Buffer.from("nonsense"))).toBeUndefined();
});
