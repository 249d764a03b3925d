package dev.oxbow.handoff.upgrade;

import dev.oxbow.codecs.control.Message;

/** A process that connected and wants to take over. */
record Arrival(HandoffChannel channel, Peer peer, Message hello) implements AutoCloseable {

  @Override
  public void close() {
    channel.close();
    peer.close();
  }
}
