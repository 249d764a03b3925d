package dev.oxbow.service.client;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.config.ControlOptions;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.service.control.ControlServer;
import dev.oxbow.service.control.ControlSocket;
import dev.oxbow.service.control.Operation;
import dev.oxbow.service.control.Request;
import dev.oxbow.service.control.ServiceSpec;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.mailbox.Mailboxes;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Accounts;
import dev.oxbow.service.testing.TextEvent;
import io.vertx.core.Future;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** A service with a few operations, for clients under test. */
final class EchoService implements AutoCloseable {
  private final EpollVertx vertx = EpollVertx.open();
  private final DescriptorLoop loop = DescriptorLoop.of(vertx.context());
  private final Path socket;
  private final Accounts accounts;
  private final Mailboxes mailboxes;
  private ControlServer server;

  EchoService(Path socket) {
    this.socket = socket;
    this.accounts = vertx.call(() -> new Accounts(new QuotaOptions(), loop));
    this.mailboxes = new Mailboxes(loop);
    listen();
  }

  /** Listens, at first or again. */
  void listen() {
    Map<String, Operation> operations =
        Map.of("echo", EchoService::echo, "end", this::end, "take", EchoService::take);
    ServiceSpec spec = new ServiceSpec("test", "1", operations, stats -> {});
    ControlOptions options = new ControlOptions();
    vertx.run(
        () -> {
          server = new ControlServer(loop, spec, options, accounts, mailboxes);
          try {
            server.listen(ControlSocket.listen(socket, options));
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        });
  }

  EpollVertx vertx() {
    return vertx;
  }

  /** Answers nothing until {@link #thaw()}; what comes waits in the kernel. */
  void freeze() {
    EpollVertx.await(vertx.call(server::freeze));
  }

  void thaw() {
    vertx.run(server::thaw);
  }

  /** Ends all connections. */
  void end() {
    vertx.run(server::close);
  }

  /** Puts an event into the mailbox of the app. */
  void post(String text) {
    vertx.run(
        () -> {
          Mailbox mailbox = mailboxes.of(account(), "app");
          mailbox.use();
          mailbox.account().addDescriptors(1);
          mailbox.post(new TextEvent("echo", text, List.of(Memfd.open(text, 1))));
          mailbox.unuse();
        });
  }

  private Account account() {
    return accounts.of(Syscalls.effectiveUid());
  }

  int connections() {
    return vertx.call(() -> account().connections());
  }

  /** Mailboxes that somebody uses, and events in them. */
  int mailboxes() {
    return vertx.call(mailboxes::count);
  }

  long events() {
    return vertx.call(mailboxes::events);
  }

  static Future<Message> echo(ControlClient client, String text) {
    return client.request(
        "echo", m -> m.string("text", text), List.of(), List.of(), Function.identity());
  }

  private static MessageWriter echo(Request request) {
    Mailbox mailbox = request.client().mailbox();
    mailbox.account().addDescriptors(1);
    String text = request.message().string("text");
    mailbox.post(new TextEvent("echo", text, List.of(Memfd.open("echo", 1))));
    return request.ok();
  }

  /** Ends the connection instead of answering. */
  private MessageWriter end(Request request) {
    server.close();
    return request.ok();
  }

  private static MessageWriter take(Request request) {
    request.requireDescriptors("x");
    return request.ok().number("length", request.message().string("text").length());
  }

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
