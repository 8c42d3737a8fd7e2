/** What a person hears of settings that an older agent does not know. */
import { expect, test } from "bun:test";
import { tellOfCertificates, tellOfSockets } from "../../../../../src/host/supervisor/seam/passed-over.ts";
import { capabilities } from "../../../../../src/protocol/skew.ts";

test("an agent that takes no certificates is told of when there are some", () => {
  const hello = { type: "hello", protocol: 2, version: "0.0.9" } as const;
  const told: string[] = [];
  const warn = (text: string): void => void told.push(text);
  tellOfCertificates(hello, "none", warn);
  tellOfCertificates({ ...hello, capabilities: [...capabilities] }, "host", warn);
  expect(told).toEqual([]);
  tellOfCertificates({ ...hello, capabilities: ["disks"] }, "host", warn);
  tellOfCertificates(hello, "/company.pem", warn);
  expect(told).toEqual([
    expect.stringContaining("too old for the setting docker.caCertificates"),
    expect.stringContaining("too old for the setting docker.caCertificates"),
  ]);
});

test("sockets that the settings name are told of where the agent is too old, or there is no ssh agent", () => {
  const hello = { type: "hello", protocol: 2, version: "0.0.9" } as const;
  const current = { ...hello, capabilities: [...capabilities] };
  const told: string[] = [];
  const warn = (text: string): void => void told.push(text);
  tellOfSockets(hello, [], [], warn);
  tellOfSockets(current, ["ssh-agent", "/s"], [{ name: "ssh-agent" }, { name: "/s" }], warn);
  expect(told).toEqual([]);
  tellOfSockets(hello, ["/s"], [{ name: "/s" }], warn);
  tellOfSockets(current, ["ssh-agent"], [], warn);
  expect(told).toEqual([
    expect.stringContaining("too old for the setting files.sockets"),
    expect.stringContaining("SSH_AUTH_SOCK was not set"),
  ]);
});
