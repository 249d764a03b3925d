package dev.oxbow.fish.session;

import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.ports.ClientTable;

/**
 * The inner addresses: number n of the client table is the n-th of the pool, of either version.
 *
 * @param pool4 at least as large as the table
 * @param pool6 at least as large as the table
 */
record Pools(Prefix pool4, Prefix pool6, ClientTable clients) {

  /** The client that an inner address stands for, or -1. */
  int clientOf(int version, long high, long low) {
    Prefix pool = version == 4 ? pool4 : pool6;
    int client = pool.indexOf(high, low);
    return clients.session(client) == 0 ? -1 : client;
  }

  long high(int version) {
    return (version == 4 ? pool4 : pool6).high();
  }

  long low(int version, int client) {
    return (version == 4 ? pool4 : pool6).low() + client;
  }

  /** The version of a client's address. */
  int version(int client) {
    return PacketView.isV4(clients.high(client), clients.low(client)) ? 4 : 6;
  }
}
