package dev.oxbow.handoff.upgrade;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.upgrade.HandoffChannel.Received;
import io.vertx.core.Future;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * An upgrade within one process, for practice: a service that nobody uses goes over to an heir and
 * comes back, with the messages and the system calls of a real upgrade. What a JVM has not run
 * before it interprets, and flows would be paused meanwhile. Blocks; one thread.
 */
public final class Drill implements AutoCloseable {
  private static final int PATIENCE_MS = 10_000;

  private final HandoffChannel here;
  private final HandoffChannel there;

  /** Where a service goes in a drill. */
  public interface Heir {

    /** Makes a service from a cargo, all of it frozen. */
    Future<? extends Transferable> inherit(Cargo cargo);

    /** All groups of that service work now. */
    void works();

    /** Closes what that service was given; it is frozen again, and nothing is touched. */
    Future<Void> abandon();
  }

  /** Opens the connection that it goes over. */
  public Drill() {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET);
    here = new HandoffChannel(Descriptor.adopt((int) ends));
    there = new HandoffChannel(Descriptor.adopt((int) (ends >>> 32)));
  }

  /** Loads what the two processes of an upgrade need to know one another. */
  public void meet(String version, Transferable service) {
    Terms own = Terms.own(version, Map.of(service.name(), service.layout()), 0);
    MessageWriter message = own.write(new MessageWriter()).strings("fds", List.of("pidfd"));
    try (Descriptor self = Peer.self()) {
      here.send(message, List.of(self), PATIENCE_MS);
    }
    Received hello = there.receive(PATIENCE_MS);
    try (Peer self = Peer.of(own.pid(), hello.descriptors().get(0));
        Decision decision = Decision.open()) {
      String objection = own.objection(Terms.read(hello.message()), 0);
      if (!self.canBeSignalled() || decision.outcome() != Decision.Outcome.NONE) {
        throw new IllegalStateException(self + " does not understand itself: " + objection);
      }
    }
  }

  /**
   * Takes a service to an heir and back. If that fails the service is in no known state.
   *
   * @param service that works, all groups of it
   */
  public void run(Transferable service, Heir heir) {
    try (Cargo lent = await(service.freeze())) {
      Cargo given = sent(service.name(), lent);
      try {
        Transferable other = await(heir.inherit(given));
        for (int group = 0; group < service.groups(); group++) {
          move(service, other, group);
        }
        heir.works();
        for (int group = 0; group < service.groups(); group++) {
          move(other, service, group);
        }
        await(heir.abandon());
      } finally {
        given.close();
      }
    }
    await(service.thaw());
  }

  private Cargo sent(String name, Cargo lent) {
    Cargo given = new Cargo();
    List<String> all = List.copyOf(lent.names());
    for (int from = 0; from < all.size(); from += PacketBuffer.MAX_DESCRIPTORS) {
      List<String> names =
          all.subList(from, Math.min(all.size(), from + PacketBuffer.MAX_DESCRIPTORS));
      List<Descriptor> descriptors = names.stream().map(lent::get).toList();
      MessageWriter message = new MessageWriter().string("copy", name).strings("fds", names);
      here.send(message, descriptors, PATIENCE_MS);
      Received received = there.receive(PATIENCE_MS);
      List<String> came = received.message().strings("fds");
      for (int i = 0; i < came.size(); i++) {
        given.give(came.get(i), received.descriptors().get(i));
      }
      acknowledge("copied");
    }
    return given;
  }

  private void move(Transferable from, Transferable to, int group) {
    await(from.freeze(group));
    here.send(
        new MessageWriter().string("switch", from.name()).number("group", group), PATIENCE_MS);
    Message message = there.receive(PATIENCE_MS).message();
    await(to.thaw((int) message.integer("group", 0, from.groups() - 1)));
    acknowledge("switched");
  }

  private void acknowledge(String what) {
    there.send(new MessageWriter().flag(what, true), PATIENCE_MS);
    here.receive(PATIENCE_MS);
  }

  private static <T> T await(Future<T> future) {
    try {
      return future.await(PATIENCE_MS, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new IllegalStateException("a step of a drill took more than " + PATIENCE_MS + " ms", e);
    }
  }

  @Override
  public void close() {
    here.close();
    there.close();
  }
}
