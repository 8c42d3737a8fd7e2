/** The path of a Docker API call, in parts. */
import { expect, test } from "bun:test";
import { dockerPath } from "../../../../src/agent/docker/docker-path.ts";

const paths: Readonly<Record<string, readonly string[] | undefined>> = {
  "/containers/web/start": ["containers", "web", "start"],
  "/v1.45/containers/web/start?t=1&x=/a/b": ["containers", "web", "start"],
  "/v1.9/info": ["info"],
  "http://localhost/v1.45/containers/json": ["containers", "json"],
  "https://plugin.moby.localhost/_ping": ["_ping"],
  // A name may hold what looks like a part of the path.
  "/containers/my%20web%2Fstart/json": ["containers", "my web/start", "json"],
  "/containers/%C3%BC/json": ["containers", "ü", "json"],
  "/containers/web/": ["containers", "web", ""],
  "/containers//start": ["containers", "", "start"],
  "//containers/web": ["", "containers", "web"],
  // Only a version with something behind it is one.
  "/v1.45": ["v1.45"],
  "/volumes/v1.45/x": ["volumes", "v1.45", "x"],
  "/": [""],
  "": [],
  "?x=/containers/web": [],
  "*": [],
  "/containers/%zz/start": undefined,
  "/containers/%ff/start": undefined,
  "/containers/web%": undefined,
};

for (const [uri, parts] of Object.entries(paths)) {
  test(`the call "${uri}" is read in its parts`, () => {
    expect(dockerPath(uri)).toEqual(parts);
  });
}
