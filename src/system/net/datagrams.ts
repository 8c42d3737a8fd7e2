/** The door to UDP: a socket that listens, and one that speaks to a single peer. */

/** Whoever sent a datagram, and can be answered. */
export type Peer = { readonly hostname: string; readonly port: number };

/** A socket that listens. */
export type DatagramListener = { readonly port: number; send(payload: Uint8Array, peer: Peer): void; close(): void };

/** A socket that speaks to one peer. */
export type DatagramPeer = { send(payload: Uint8Array): void; close(): void };

/**
 * Bun's flag for IPV6_V6ONLY (LIBUS_SOCKET_IPV6_ONLY in its libusockets.h), as node:dgram passes it: "::" beside
 * 0.0.0.0.
 */
const ipv6Only = { flags: 8 };

/** Listens for datagrams. Throws the system's error when the port is taken. */
export async function listenForDatagrams(
  address: Peer,
  onDatagram: (payload: Uint8Array, peer: Peer) => void,
): Promise<DatagramListener> {
  const socket = await Bun.udpSocket({
    ...address,
    ...ipv6Only,
    socket: {
      data: (_socket, payload, port, hostname) => onDatagram(payload, { hostname, port }),
      // What a peer that is gone answers (ICMP) concerns that peer alone.
      error: () => {},
    },
  });
  return {
    port: socket.port,
    send: (payload, peer) => orLose(() => socket.send(payload, peer.port, peer.hostname)),
    close: () => socket.close(),
  };
}

/**
 * Speaks to one peer; `onRefused` hears that nobody listens there (ICMP). Throws the system's error when there is no
 * way.
 */
export async function connectDatagrams(
  peer: Peer,
  onDatagram: (payload: Uint8Array) => void,
  onRefused: (error: Error) => void = () => {},
): Promise<DatagramPeer> {
  const socket = await Bun.udpSocket({
    // Without it the socket is one of IPv4, which connects to no other.
    ...(peer.hostname.includes(":") && { hostname: "::" }),
    connect: peer,
    socket: {
      data: (_socket, payload) => onDatagram(payload),
      // Nobody listens there yet, or any more: a client that cares sends again, as UDP has it.
      error: (_socket, error) => onRefused(error),
    },
  });
  return { send: (payload) => orLose(() => socket.send(payload)), close: () => socket.close() };
}

// --- internal ---

/** A datagram that cannot be sent (too long for the address family, no way to the peer) is lost, as UDP has it. */
function orLose(send: () => boolean): void {
  try {
    send();
  } catch {
    // Whoever cares sends again.
  }
}
