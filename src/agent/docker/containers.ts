/**
 * What the agent knows of Docker's containers. It asks seldom: dockerd asks its plugins about each of these questions
 * too.
 */
import type { DockerApi } from "../../system/docker-api.ts";
import type { Container, ContainerDetails } from "../../system/docker-views.ts";
import type { CallOn } from "./call.ts";
import { recordOf } from "./records.ts";

/** The containers of one Docker. */
export class Containers {
  readonly #docker: Pick<DockerApi, "containers" | "details">;
  readonly #record: typeof recordOf;
  readonly #calls = new WeakMap<CallOn<"start">, Promise<ContainerDetails>>();
  /**
   * What containers were asked to be, which never changes, by whole id: of those about to start, and of those that
   * run.
   */
  readonly #starting = new Map<string, ContainerDetails>();
  #asked = new Map<string, ContainerDetails>();
  #running: readonly Container[] = [];

  /** `record` reads Docker's own record of a container. */
  constructor(docker: Pick<DockerApi, "containers" | "details">, record = recordOf) {
    this.#docker = docker;
    this.#record = record;
  }

  /**
   * The container that a call starts, looked up once for all who ask. Throws when there is none or Docker does not
   * answer.
   */
  startedBy(call: CallOn<"start">): Promise<ContainerDetails> {
    const found = this.#calls.get(call) ?? this.#findStarting(call.id);
    this.#calls.set(call, found);
    return found;
  }

  /**
   * What a container that Docker says has started was asked to be. Throws when there is none or Docker does not answer.
   */
  async started(id: string): Promise<ContainerDetails> {
    return this.#asked.get(id) ?? this.#starting.get(id) ?? (await this.#find(id));
  }

  /** Lists the running containers anew. Throws when Docker does not answer. */
  async list(): Promise<readonly Container[]> {
    this.#running = await this.#docker.containers();
    return this.#running;
  }

  /** The whole id of a container that the last list has, by what a client calls it. */
  idOf(name: string): string | undefined {
    const isNamed = ({ Id, Names }: Container): boolean => Id === name || Names.includes(`/${name.replace(/^\//, "")}`);
    const found = this.#running.find(isNamed) ?? this.#running.find(({ Id }) => Id.startsWith(name));
    return found?.Id;
  }

  /** Whether the last list has a container in the guest's own network. */
  get hasHostNetwork(): boolean {
    return this.#running.some(({ HostConfig }) => HostConfig?.NetworkMode === "host");
  }

  /** What a container is called, by its whole id; nothing when Docker does not know it. */
  async nameOf(id: string): Promise<string | undefined> {
    const name = this.#running.find(({ Id }) => Id === id)?.Names[0] ?? (await this.#record(id))?.Name;
    return name?.replace(/^\//, "");
  }

  /** Whether a container has ended by now; false too when Docker does not say. */
  async hasEnded(id: string): Promise<boolean> {
    const container = await this.#docker.details(id).catch(() => undefined);
    return container?.State?.Running === false;
  }

  /**
   * What these running containers were asked to be: each is looked up once in its life. One that has gone is left
   * out.
   */
  async askedOf(ids: readonly string[]): Promise<ReadonlyMap<string, ContainerDetails>> {
    const looks = ids.map((id) => this.started(id));
    const found = (await Promise.allSettled(looks)).flatMap((look) => (look.status === "fulfilled" ? look.value : []));
    this.#asked = new Map(found.map((each) => [each.Id, each]));
    for (const { Id } of found) this.#starting.delete(Id);
    return this.#asked;
  }

  async #findStarting(id: string): Promise<ContainerDetails> {
    const found = await this.#find(id);
    this.#starting.set(found.Id, found);
    const [oldest = ""] = this.#starting.keys();
    if (this.#starting.size > startingMax) this.#starting.delete(oldest);
    return found;
  }

  async #find(id: string): Promise<ContainerDetails> {
    return (await this.#record(id)) ?? (await this.#docker.details(id));
  }
}

// --- internal ---

/** Of so many starts that no list has told of yet: those that were refused stay until then, too. */
const startingMax = 64;
