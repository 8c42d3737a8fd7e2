/** Which containers have started, by the events of a Docker daemon. */
import { expect, test } from "bun:test";
import { watchDocker } from "../../../../src/agent/docker/watch.ts";
import { dockerApi } from "../../../../src/system/docker-api.ts";
import { fakeDocker } from "../../../support/fake-docker.ts";
import { until } from "../../../support/until.ts";

test("of a container that has started, whoever did that, the watcher hears which it is", async () => {
  await using docker = await fakeDocker();
  const started: string[] = [];
  const states: string[] = [];
  const stopped = new AbortController();
  const listener = {
    onNudge: () => {},
    onDocker: (state: string) => states.push(state),
    onTrouble: () => {},
    onStarted: (id: string) => started.push(id),
  };
  const stops = { signal: new AbortController().signal, over: async () => {} };
  const watching = watchDocker(dockerApi(docker.socketPath), listener, stopped.signal, stops);
  await until("a follower", 5_000, () => (docker.followers > 0 ? true : undefined));
  docker.emit('{"Type":"network","Action":"start","Actor":{"ID":"net"}}\n');
  docker.emit('{"Type":"container","Action":"die","Actor":{"ID":"gone"}}\n');
  docker.emit('{"Type":"container","Action":"start","Actor":{"ID":7}}\n');
  docker.emit("neither JSON nor a container\n");
  // A container's labels are whoever's who has made its image, and as long.
  docker.emit(
    `{"Type":"container","Action":"start","Actor":{"ID":"long","Attributes":{"a":"${"x".repeat(3_000_000)}"}}}\n`,
  );
  docker.emit('{"Type":"container","Action":"start","Actor":{"ID":"one"}}\n{"Type":"container","Action":"sta');
  docker.emit('rt","Actor":{"ID":"two"}}\n');
  await until("the starts", 5_000, () => (started.length > 1 ? true : undefined));
  stopped.abort();
  await watching;
  expect(states).toEqual(["ready"]);
  expect(started).toEqual(["one", "two"]);
});
