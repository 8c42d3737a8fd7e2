/**
 * What host and guest say about sockets that a program of the host listens on and that containers may connect to. The
 * guest asks for one by its name in the settings, and the host, which alone has the list, dials it and then opens a
 * stream to the client that has asked: nothing in the guest ever opens a way to the host.
 */
import * as v from "valibot";
import { hostSocketsMax } from "./terms.ts";

/** PATH_MAX of Linux. */
const path = v.pipe(v.string(), v.startsWith("/"), v.maxLength(4_096));
const name = v.pipe(v.string(), v.maxLength(4_096));

/** The number of a client in the guest: the agent's own count. */
export const clientNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** What the guest is told at boot: each socket by its name, and the paths at which containers mount it. */
export const hostSocketsSchema = v.pipe(
  v.array(v.object({ name, paths: v.pipe(v.array(path), v.maxLength(2)) })),
  v.maxLength(hostSocketsMax),
);

/** A socket as the guest knows it. */
export type GuestSocket = v.InferOutput<typeof hostSocketsSchema>[number];

/**
 * The guest says that a client wants to go to the socket of that name; or, without a client, that a container mounts
 * one at that path which the settings do not have.
 */
export const socketAskedSchema = v.object({ type: v.literal("socket"), name, client: v.optional(clientNumber) });

/** The host does not connect that client; why stays the host's. */
export const socketRefusedSchema = v.object({ type: v.literal("socket"), refused: clientNumber });
