package dev.oxbow.service.control;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.config.ControlOptions;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.mailbox.Mailboxes;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Accounts;
import dev.oxbow.service.testing.TextEvent;
import io.vertx.core.Future;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One control plane of a succession, on an event loop of its own. As processes have, each has
 * descriptors of its own for the same sockets and memfds.
 */
final class Plane implements AutoCloseable {
  private final EpollVertx vertx = EpollVertx.open();
  private final DescriptorLoop loop = DescriptorLoop.of(vertx.context());
  private final QuotaOptions quotas;
  private final List<String> ran = new ArrayList<>();
  private final Accounts accounts;
  private final Mailboxes mailboxes;
  private final ControlServer server;

  Plane(QuotaOptions quotas) {
    this.quotas = quotas;
    this.accounts = vertx.call(() -> new Accounts(quotas, loop));
    this.mailboxes = new Mailboxes(loop);
    ServiceSpec spec =
        new ServiceSpec("test", "1", Map.of("post", this::post, "large", this::large), s -> {});
    this.server = new ControlServer(loop, spec, new ControlOptions(), accounts, mailboxes);
  }

  /** The first one, which makes the socket. */
  static Plane listen(Path socket, QuotaOptions quotas) throws IOException {
    Plane plane = new Plane(quotas);
    Descriptor listener = ControlSocket.listen(socket, new ControlOptions());
    plane.vertx.run(() -> plane.server.listen(listener));
    return plane;
  }

  private MessageWriter post(Request request) {
    ran.add(String.valueOf(request.message().id()));
    post(request.client().mailbox(), request.message().string("text"));
    return request.ok();
  }

  private MessageWriter large(Request request) {
    ran.add(String.valueOf(request.message().id()));
    return request.ok().string("text", "x".repeat(60_000));
  }

  private static void post(Mailbox mailbox, String text) {
    mailbox.account().addDescriptors(1);
    Descriptor memfd = Memfd.of("note", text.getBytes(StandardCharsets.UTF_8));
    mailbox.post(new TextEvent("note", text, List.of(memfd)));
  }

  /** Puts an event into the mailbox of the app. */
  void post(String text) {
    vertx.run(() -> post(mailboxes.of(account(), "app"), text));
  }

  Account account() {
    return accounts.of(Syscalls.effectiveUid());
  }

  /** The ids of the requests that were run here. */
  List<String> ran() {
    return vertx.call(() -> List.copyOf(ran));
  }

  long events() {
    return vertx.call(mailboxes::events);
  }

  long dropped() {
    return vertx.call(mailboxes::dropped);
  }

  int descriptors() {
    return vertx.call(() -> account().descriptors());
  }

  int connections() {
    return vertx.call(() -> account().connections());
  }

  Future<Void> freeze() {
    return vertx.call(server::freeze);
  }

  void giveUpFreeze() {
    vertx.run(server::giveUpFreeze);
  }

  void thaw() {
    vertx.run(server::thaw);
  }

  /** One that goes on, frozen as yet; this one is frozen. */
  Plane heir() {
    Cargo lent = new Cargo();
    vertx.run(() -> server.export(lent));
    Cargo cargo = new Cargo();
    lent.names().forEach(name -> cargo.give(name, lent.get(name).duplicate()));
    lent.close();
    Plane heir = new Plane(quotas);
    heir.vertx.run(() -> heir.server.inherit(cargo));
    if (!cargo.names().isEmpty()) {
      throw new AssertionError("left in the cargo: " + cargo.names());
    }
    return heir;
  }

  /** All at once: the heir goes on, and this one leaves. */
  Plane passOn() {
    EpollVertx.await(freeze());
    Plane heir = heir();
    close();
    heir.thaw();
    return heir;
  }

  /** Ends without a word to anybody: the connections stay open as long as others have them. */
  @Override
  public void close() {
    vertx.run(
        () -> {
          server.close();
          mailboxes.close();
          accounts.close();
        });
    vertx.close();
  }
}
